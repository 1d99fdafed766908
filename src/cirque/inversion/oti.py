"""Textual inversion by optimisation (OTI, SEARLE §3.1): one pseudo token an image, with the losses as released.

`python -m cirque invert_images oti --features shard.parquet --concepts … --phrases … --weights … --output …`

The token of an image must make a template read like the image (L_cos) and do in a phrase what a concept of the
image does there (L_gpt). Which phrases these are, if any, is the caller's choice (SEARLE Table 4). Initial token,
templates and phrases are drawn from (seed, image): neither shards, batches nor a resumed run change them. A step costs
one packed pass over both texts (`cirque.encoders.packed`), and the features of the phrases were computed before.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque import draws
from cirque.encoders.backbones import Backbone
from cirque.encoders.packed import PackedEncoder
from cirque.errors import CirqueError, listed
from cirque.inversion import regularisers
from cirque.inversion.oti_batches import Batch, Images, StepTexts, encoder_for
from cirque.progress import progress, say
from cirque.store import provenance, tensors
from cirque.texts.phrase_pool import PhrasePool
from cirque.training import optimisers
from cirque.training.ahead import made_ahead

#: The released code averages over batches of 32. The losses of any number of images are summed and divided by it, so
#: that AdamW's ε meets gradients of the same size whatever the batch.
RELEASED_BATCH = 32

#: Steps between two looks at whether all losses were finite; a look waits for the device.
STEPS_BETWEEN_CHECKS = 25


@dataclass(frozen=True)
class Settings:
    """Inversion; λs are divided by their sum, unlike those of φ.

    `regulariser` says what stands in L_gpt. `phrases` is the method; the others are ablations of SEARLE Table 4, in
    which λ_gpt = 0 is "w/o reg":

    * `phrases`: the language model's, about the image's nearest concepts.
    * `prompt`, "w/o GPT reg": `a photo of {concept}` of the same concepts and nothing after it.
    * `random-word`, "random reg": the same prompt, of any concept of the vocabulary, with equal chances in each step.
      The paper does not say where its random word comes from; the vocabulary is our reading.
    """

    steps: int
    learning_rate: float
    weight_decay: float
    init_std: float
    lambda_cos: float
    lambda_gpt: float
    ema_decay: float
    n_concepts: int
    batch: int
    replace: Literal["first", "all"]
    regulariser: Literal["phrases", "prompt", "random-word"]


# ---- start and loss ------------------------------------------------------------------------------------------------


def initial_token(seed: int, image_id: str, dim: int, std: float) -> NDArray[np.float32]:
    """Where the token of an image starts: N(0, std²), [dim]."""
    return draws.generator(seed, "oti token", image_id).normal(0.0, std, dim).astype(np.float32)


def inversion_loss(l_cos: Tensor, l_gpt: Tensor, settings: Settings) -> Tensor:
    """Loss of each image [n], as released: the paper's Eq. 3 divided by the sum of its λs."""
    weighted = settings.lambda_cos * l_cos + settings.lambda_gpt * l_gpt
    return weighted / (settings.lambda_cos + settings.lambda_gpt)


# ---- inversion -----------------------------------------------------------------------------------------------------


@dataclass
class State:
    """What the inversion of a batch needs to go on."""

    tokens: Tensor  # [n, token_dim]
    ema: Tensor  # running mean of the tokens: the result
    exp_avg: Tensor  # AdamW's moments
    exp_avg_sq: Tensor
    step: int = 0

    def save(self, path: Path) -> None:
        """Write the state as one file, so that there is a whole one or none."""
        names = ("tokens", "ema", "exp_avg", "exp_avg_sq")
        tensors.save(path, {name: getattr(self, name) for name in names}, {"step": self.step})

    @classmethod
    def load(cls, path: Path, device: torch.device) -> "State":
        """Read what `save` wrote."""
        stored, facts = tensors.load(path)
        return cls(**{name: value.to(device) for name, value in stored.items()}, step=facts["step"])

    @classmethod
    def initial(cls, image_ids: Sequence[str], dim: int, std: float, seed: int, device: torch.device) -> "State":
        """Random tokens; the running mean starts from them too, as released."""
        tokens = np.stack([initial_token(seed, image_id, dim, std) for image_id in image_ids])
        start = torch.from_numpy(tokens).to(device)
        return cls(start, start.clone(), torch.zeros_like(start), torch.zeros_like(start))


def invert(
    *,
    backbone: Backbone,
    image_ids: list[str],
    image_vectors: NDArray[np.float32],
    inputs: list[Path],
    concepts: Path,
    phrases: list[Path],
    phrase_features: list[Path],
    settings: Settings,
    seed: int,
    work: Path,
    device: torch.device,
    dtype: torch.dtype,
    seconds_between_saves: float,
) -> NDArray[np.float32]:
    """Pseudo tokens of images [n, token_dim]; a run that was cut off goes on from its last saved step.

    Args:
        backbone: Whose text tower the tokens are for.
        image_ids: Names of the images.
        image_vectors: Their features [n, dim].
        inputs: Files that these were read from.
        concepts: Nearest concepts of the image set; read by the regularisers phrases and prompt.
        phrases: Phrases of all parts of the vocabulary; read by phrases and, for the vocabulary, by random-word.
        phrase_features: Their features, in the same order; read by phrases.
        settings: Losses and optimisation; with lambda_gpt 0 no regulariser is read.
        seed: Seed of everything random.
        work: Folder for the states of unfinished work.
        device: Where to compute.
        dtype: Of the text tower's products.
        seconds_between_saves: How many seconds of work a kill may cost.
    """
    names = regularisers.nearest_concepts(concepts, image_ids, settings)
    pool = regularisers.pool_of(phrases, phrase_features, names, backbone, settings)
    allowed = regularisers.allowed_rows(pool, image_ids, names, settings)
    inputs = [*inputs, *regularisers.files_read(concepts, phrases, phrase_features, settings)]
    own = provenance.fingerprint(
        *("invert_images", __name__),
        inputs=inputs,
        settings=asdict(settings),
        seed=seed,
        device=device.type,
    )
    images = Images(image_ids, image_vectors, allowed)
    return optimise(
        *(backbone, images, pool, settings),
        seed=seed,
        work=work / own,
        dtype=dtype,
        seconds_between_saves=seconds_between_saves,
    )


def optimise(
    backbone: Backbone,
    images: Images,
    pool: PhrasePool | None,
    settings: Settings,
    *,
    seed: int,
    work: Path,
    dtype: torch.dtype = torch.float32,
    seconds_between_saves: float = 60.0,
) -> NDArray[np.float32]:
    """Pseudo tokens of images, going on from what `work` holds.

    Args:
        backbone: whose text tower is inverted.
        images: features and usable concepts.
        pool: phrases and their features; may be None where λ_gpt is 0.
        settings: losses and optimisation.
        seed: of all draws.
        work: folder of this inversion alone, for the states of finished and unfinished batches; the caller removes it.
        dtype: of the encoder's products.
        seconds_between_saves: how much work a kill may cost.

    Returns:
        [n, token_dim], the running means.

    Raises:
        CirqueError: a loss is not finite (the message names the images), both λs are 0, or the phrases are missing.
    """
    if settings.lambda_gpt and pool is None:
        raise CirqueError("oti: lambda_gpt is not 0, so phrases are needed")
    if not settings.lambda_cos + settings.lambda_gpt:
        raise CirqueError("oti: lambda_cos and lambda_gpt are both 0: there is nothing to learn from")
    n = len(images.image_ids)
    inverted = [np.zeros((0, backbone.token_dim), dtype=np.float32)]
    encoder = encoder_for(backbone, dtype)
    starts = range(0, n, settings.batch)
    bar: Any = progress(total=len(starts) * settings.steps, what="inversion", unit="step")

    def prepared(start: int) -> tuple[State, Batch | None, Path]:
        """The images from a number on: where they stand, and their texts unless they are done."""
        part = slice(start, start + settings.batch)
        chosen = Images(images.image_ids[part], images.features[part], images.concepts[part])
        path = work / f"{start:09d}.safetensors"
        state = _resume(path, encoder, chosen, settings, seed)
        if state.step >= settings.steps:
            return state, None, path
        return state, Batch(encoder, chosen, pool if settings.lambda_gpt else None, settings, seed), path

    with bar, made_ahead(prepared, starts, device=encoder.device, ahead=1) as batches:
        for state, batch, path in batches:
            bar.update(state.step)
            if batch is not None:
                _run(batch, state, path, settings=settings, seconds_between_saves=seconds_between_saves, bar=bar)
            inverted.append(state.ema.cpu().numpy())
    return np.concatenate(inverted)


def _resume(path: Path, encoder: PackedEncoder, images: Images, settings: Settings, seed: int) -> State:
    """The saved state of a batch, or its initial one."""
    if path.is_file():
        try:
            return State.load(path, encoder.device)
        except CirqueError as error:  # a crash of the machine may leave half of it
            say(f"{error}; its images begin anew")
            path.unlink()
    return State.initial(images.image_ids, encoder.backbone.token_dim, settings.init_std, seed, encoder.device)


def _run(batch: Batch, state: State, path: Path, *, settings: Settings, seconds_between_saves: float, bar: Any) -> None:
    """Take all the steps that are left, and save the finished state."""
    device = state.tokens.device
    state.tokens.requires_grad_(True)
    optimiser = _optimiser(state, settings)
    broken = torch.zeros(len(state.tokens), dtype=torch.bool, device=device)
    saved = time.monotonic()
    with made_ahead(batch.texts_of, range(state.step, settings.steps), device=device) as of_steps:
        for texts in of_steps:
            broken = _step(batch, state, optimiser, texts, broken, settings=settings)
            bar.update()
            done = state.step == settings.steps
            save = done or time.monotonic() - saved >= seconds_between_saves
            if save or state.step % STEPS_BETWEEN_CHECKS == 0:
                _refuse_broken(batch.images.image_ids, broken, state, settings)
            if save:
                state.save(path)
                saved = time.monotonic()


def _optimiser(state: State, settings: Settings) -> torch.optim.Optimizer:
    """AdamW of the tokens, with the moments of the steps that were done."""
    fused = optimisers.fused(state.tokens.device)
    optimiser = torch.optim.AdamW(
        [state.tokens], lr=settings.learning_rate, weight_decay=settings.weight_decay, **fused
    )
    optimiser.state[state.tokens] = {
        "step": torch.tensor(float(state.step), device=state.tokens.device if fused else None),
        "exp_avg": state.exp_avg,
        "exp_avg_sq": state.exp_avg_sq,
    }
    return optimiser


def _step(
    batch: Batch,
    state: State,
    optimiser: torch.optim.Optimizer,
    texts: StepTexts,
    broken: Tensor,
    *,
    settings: Settings,
) -> Tensor:
    """Take a step; which images had the first losses that are no number [n]."""
    loss = inversion_loss(*batch.losses(state.tokens, texts), settings)
    (state.tokens.grad,) = torch.autograd.grad(loss.sum() / RELEASED_BATCH, state.tokens)
    optimisers.step(optimiser)
    state.ema.mul_(settings.ema_decay).add_(state.tokens.detach(), alpha=1 - settings.ema_decay)
    state.step += 1
    # Only the first broken ones: their gradients may spoil the whole batch in the next step.
    return torch.where(broken.any(), broken, ~torch.isfinite(loss.detach()))


def _refuse_broken(image_ids: Sequence[str], broken: Tensor, state: State, settings: Settings) -> None:
    """Stop before a token that is not a number is saved.

    Raises:
        CirqueError: it names the images.
    """
    if not broken.any():
        broken = ~torch.isfinite(state.ema).all(1)
    if broken.any():
        names = [image_ids[row] for row in broken.nonzero().flatten().tolist()]
        raise CirqueError(
            f"oti: {len(names)} of {len(broken)} losses are not finite before step {state.step} ({listed(names)});"
            f" nothing was written. Lower learning_rate in its entry of inversions (now {settings.learning_rate:g}),"
            " or look for broken features"
        )
