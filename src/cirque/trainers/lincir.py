"""Teach φ from captions alone: self-masking projection (LinCIR §3.2, as released).

`python -m cirque train_lincir --captions … --caption-features … --weights …`

The text feature z of a caption, with noise, goes through φ; φ's token takes the place of the caption's keywords; the
text feature of that shall be z again. φ never sees an image: the noise is what carries it over to them. Only for Table
7 (b) φ reads the feature of the caption's image in place of z; what is to be met stays z.

The order of captions, noise, masking and dropout are drawn from (seed, pass), (seed, caption, pass) and (seed, step),
never from a running generator: a training that was killed goes on from its last saved step and ends with the same
bits. A pass is an epoch over all captions.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cirque import draws
from cirque.encoders import text_queries
from cirque.encoders.backbones import Backbone
from cirque.encoders.packed import PackedEncoder
from cirque.encoders.packing import Layout
from cirque.errors import CirqueError, listed
from cirque.evaluation import ranking
from cirque.networks import phi
from cirque.progress import progress, say
from cirque.store import files
from cirque.texts import keywords
from cirque.texts.templates import PROMPT
from cirque.training.loop import Saver, TrainingState, epoch_batches

#: Losses of the training log, in its order.
LOSSES = ("mse",)

#: What the training log calls the result of a validation, in percent.
RECALL = "R@1"

#: Steps whose mean loss is one line of the training log.
STEPS_BETWEEN_LINES = 100

#: What stands before the token in a caption that lost its placeholders, and in the constant text of Table 7 (a).
PREFIX = "a photo of"

#: Tokenised texts that are kept, as passes repeat: some 50 MB.
TEXTS_KEPT = 1 << 17


@dataclass(frozen=True)
class Settings:
    """Training of φ from captions; the released network has no LayerNorm, unlike the paper's text.

    `steps` are of the optimiser, over as many passes as they take. `input` is what φ reads, noise added: the caption's
    feature, or that of its image (Table 7 b). `masking` is a name of `keywords.MASKINGS`, `noise` of `NOISES`. With the
    selection `best`, R@1 is measured every `validate_every` steps and the best network is kept.
    """

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    input: Literal["text", "image"]
    masking: str
    noise: str
    noise_scale: float
    selection: Literal["last", "best"]
    validate_every: int


# ---- noise ---------------------------------------------------------------------------------------------------------

#: Noise of one sample, [dim]: LinCIR Tables 1 and 9. The paper gives no rates and degrees of freedom; ours are Exp(1),
#: χ²(1) and t(3). Values are independent but for `lincir`, whose Gaussian vector has one uniform factor.
NOISES: dict[str, Callable[[np.random.Generator, int], NDArray[np.floating[Any]]]] = {
    "none": lambda rng, dim: np.zeros(dim),
    "normal": lambda rng, dim: rng.standard_normal(dim),
    "uniform": lambda rng, dim: rng.uniform(-1.0, 1.0, dim),
    "exponential": lambda rng, dim: rng.standard_exponential(dim),
    "chi2": lambda rng, dim: rng.chisquare(1.0, dim),
    "student-t": lambda rng, dim: rng.standard_t(3.0, dim),
    "lincir": lambda rng, dim: rng.uniform() * rng.standard_normal(dim),
}


def draw_noise(name: str, seed: int, caption_ids: Sequence[str], epoch: int, dim: int) -> NDArray[np.float32]:
    """Noise of each caption in a pass, [n, dim]; it belongs to (seed, caption, pass), whatever the batch.

    Args:
        name: of NOISES.
        seed: of the run.
        caption_ids: whose noise.
        epoch: number of the pass.
        dim: of the features.
    """
    noise = np.zeros((len(caption_ids), dim), dtype=np.float32)
    if name != "none":
        for row, rng in enumerate(draws.each(seed, "lincir noise", caption_ids, epoch)):
            noise[row] = NOISES[name](rng, dim)
    return noise


# ---- what φ learns from --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corpus:
    """Captions and the features of their texts, one row a caption; for the input `image` also of their images."""

    captions: pa.Table  # caption_id, caption, words, pos as in schemas.CAPTIONS
    features: NDArray[np.float32]  # z [n, dim], un-normalised
    images: NDArray[np.float32] | None = None  # image features [n, dim], un-normalised


@dataclass(frozen=True)
class Batch:
    """What one step needs, on the device to train on."""

    features: Tensor  # z [batch, dim], what is to be met
    noisy: Tensor  # z, or the images' features, with noise [batch, dim], what φ reads
    masked: Layout  # the masked captions


class MaskedCaptions:
    """Gives the batch of each step, and compares masked captions that hold φ's tokens with the whole ones."""

    def __init__(
        self, backbone: Backbone, corpus: Corpus, settings: Settings, *, seed: int, dtype: torch.dtype = torch.float32
    ) -> None:
        """Take the tower's constants.

        Args:
            backbone: whose text tower reads the masked captions, and made the features.
            corpus: captions and features.
            settings: batch, masking and noise.
            seed: of the order, masking and noise.
            dtype: of the tower's products, as of PackedEncoder.

        Raises:
            CirqueError: there is no caption, features do not fit or are missing, or a masking or noise is not known.
        """
        n = corpus.captions.num_rows
        if not n or settings.batch < 1:
            raise CirqueError(f"lincir: {n} captions in batches of {settings.batch}; give at least one of each")
        if corpus.features.shape != (n, backbone.dim):
            raise CirqueError(
                f"lincir: caption features of shape {list(corpus.features.shape)} for {n} captions and the backbone"
                f" {backbone.name} of {backbone.dim} dimensions; encode these captions by this backbone"
            )
        if (settings.input == "image") != (corpus.images is not None):
            has = "no image features" if corpus.images is None else "image features"
            raise CirqueError(
                f"lincir: the input is {settings.input} and the captions have {has}; give those of their images with"
                " the input image, and only then"
            )
        if corpus.images is not None and corpus.images.shape != (n, backbone.dim):
            raise CirqueError(
                f"lincir: image features of shape {list(corpus.images.shape)} for {n} captions and the backbone"
                f" {backbone.name} of {backbone.dim} dimensions; give one image of this backbone for each caption"
            )
        _require_known("masking", settings.masking, list(keywords.MASKINGS))
        _require_known("noise", settings.noise, list(NOISES))
        self.backbone, self.corpus, self.settings, self.seed = backbone, corpus, settings, seed
        self.per_epoch = max(1, n // settings.batch)
        self.encoder = PackedEncoder(backbone, prefixes=[PREFIX], dtype=dtype)
        # by text: a masking without chance gives the same one in every pass
        self._ids = functools.lru_cache(maxsize=TEXTS_KEPT)(functools.partial(keywords.masked_ids, backbone))
        self._batches = functools.lru_cache(maxsize=1)(functools.partial(epoch_batches, n, settings.batch, seed))

    def masked(self, row: dict[str, Any], epoch: int) -> str:
        """A caption (a row of schemas.CAPTIONS) whose keywords gave way to `[$]`.

        What is drawn depends on (seed, caption, pass) alone.

        Raises:
            CirqueError: its words are not those of the caption; with its caption_id.
        """
        rng = functools.partial(draws.generator, self.seed, "lincir masking", row["caption_id"], epoch)
        try:
            return keywords.MASKINGS[self.settings.masking](row["caption"], row["words"], row["pos"], rng)
        except CirqueError as error:
            raise CirqueError(f"caption {row['caption_id']}: {error}") from error

    def batch(self, step: int) -> Batch:
        """The batch of a step: passes over all captions, each in an order of its own, whole batches only."""
        epoch, place = divmod(step, self.per_epoch)
        chosen = self._batches(epoch)[place]
        rows = self.corpus.captions.take(chosen).to_pylist()
        ids = [self._ids(self.masked(row, epoch)) for row in rows]
        features = self.corpus.features[chosen]
        read = features if self.corpus.images is None else self.corpus.images[chosen]
        names = [row["caption_id"] for row in rows]
        noise = draw_noise(self.settings.noise, self.seed, names, epoch, features.shape[1])
        return Batch(
            self._tensor(features),
            self._tensor(read + np.float32(self.settings.noise_scale) * noise),
            self.encoder.prepare(ids).pack(replace="all"),
        )

    def loss(self, batch: Batch, tokens: Tensor) -> Tensor:
        """Mean squared error over captions and dimensions (LinCIR Eq. 2), from φ's tokens [batch, token_dim]."""
        return functional.mse_loss(self.encoder(batch.masked, tokens), batch.features)

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.encoder.device, non_blocking=True)


def _require_known(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise CirqueError(f"lincir: no {what} is called {name!r}; there are {', '.join(known)}")


# ---- selection -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Validation:
    """Queries with known targets on which a network is judged; LinCIR takes CIRR's val, which is then not held out.

    Attributes:
        queries: rows of schemas.QUERIES.
        inputs: the same queries as methods read them.
        backbone: whose text tower reads them.
        reference_features: of their references [n, dim], un-normalised.
        gallery: candidates.
    """

    queries: Sequence[dict[str, Any]]
    inputs: text_queries.Queries
    backbone: Backbone
    reference_features: NDArray[np.float32]
    gallery: ranking.Gallery

    def __post_init__(self) -> None:
        """Refuse queries that nothing can be measured on."""
        hidden = [query["query_id"] for query in self.queries if not query["target_ids"]]
        if hidden or not self.queries:
            raise CirqueError(
                f"validation: {len(hidden)} of {len(self.queries)} queries have no target ({listed(hidden)}); give a"
                " split whose answers are public"
            )

    def recall(self, network: phi.Phi) -> float:
        """R@1 in percent by CIRR's protocol: the reference is no candidate."""
        asked = self.inputs
        features = text_queries.compose_with_phi(asked, self.backbone, self.reference_features, network, PROMPT)
        features = ranking.normalise(features, asked.query_ids)
        rows = ranking.rank(self.queries, features, self.gallery, remove_reference=True)
        return 100 * float(np.mean([min(row["target_ranks"]) == 1 for row in rows]))


def best_validation(log: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The line of a training log with the highest R@1; of equal ones the earliest, as a later one must be higher."""
    return max((row for row in log if row["loss"] == RECALL), key=lambda row: row["value"])


def _validate(state: TrainingState, network: phi.Phi, validation: Validation, epoch: int, path: Path) -> None:
    """Log R@1, and keep the network at `path` if it is the best so far.

    The file is written before any state that tells of it, and a state that is taken up again meets the same networks:
    so the file is always the one that the finished log names.
    """
    value = validation.recall(network.eval())
    network.train()
    state.log.append({"step": state.step, "epoch": epoch, "loss": RECALL, "value": value})
    if best_validation(state.log)["step"] == state.step:
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        with files.atomic(path) as partial:
            partial.write_bytes(safetensors.torch.save(weights))
    say(f"φ: step {state.step}, {RECALL} {value:.2f}")


def _take_best(network: phi.Phi, path: Path) -> None:
    """Put the weights that validation kept into the network."""
    if not path.is_file():
        raise CirqueError(f"{path}: no such file, though a validation wrote it; delete {path.parent} and train again")
    network.load_state_dict(safetensors.torch.load_file(path))


# ---- training ------------------------------------------------------------------------------------------------------


def train(
    source: MaskedCaptions,
    settings: Settings,
    *,
    seed: int,
    state_path: Path,
    seconds_between_saves: float = 60.0,
    validation: Validation | None = None,
) -> tuple[phi.Phi, list[dict[str, Any]]]:
    """Train φ, going on from `state_path` if it is there.

    Args:
        source: captions, on the device to train on.
        settings: optimisation and selection.
        seed: of initial weights and dropout.
        state_path: file for the state of an unfinished training; the best network so far goes beside it. The caller
            removes both when done.
        seconds_between_saves: how much work a kill may cost.
        validation: needed by the selection `best`.

    Returns:
        φ in evaluation mode (the last, or the one with the highest R@1), and the rows of the training log: mean
        losses of each hundred steps, and R@1.

    Raises:
        CirqueError: a loss is not finite, a number of steps is none, or the validation is missing.
    """
    if settings.steps < 1 or settings.validate_every < 1:
        raise CirqueError(f"lincir: steps {settings.steps}, validate_every {settings.validate_every}; 1 is the least")
    if settings.selection == "best" and validation is None:
        raise CirqueError("lincir: the selection is best, so validation queries, gallery and features are needed")
    device = source.encoder.device
    network = phi.initial(source.backbone.dim, source.backbone.token_dim, settings.dropout, seed).to(device).train()
    # fused: one pass over φ's weights instead of one for each operation; a step of few short texts waits for it
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    state = TrainingState(network, optimiser, LOSSES)
    state.resume(state_path)
    best_path = state_path.with_name(f"{state_path.stem}-best.safetensors")
    saver = Saver(state_path, seconds_between_saves)
    bar: Any = progress(total=settings.steps, what="φ", unit="step", initial=state.step)
    with bar, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        batch = source.batch(state.step) if state.step < settings.steps else None
        while batch is not None:
            epoch = state.step // source.per_epoch
            loss = _step(state, source, batch, seed=seed)
            # Made while the device is at work; only then is the loss waited for.
            batch = source.batch(state.step + 1) if state.step + 1 < settings.steps else None
            state.add({"mse": loss.item()})
            bar.update()
            _log(state, settings, epoch, bar)
            if settings.selection == "best" and validation is not None and _is_due(state.step, settings):
                _validate(state, network, validation, epoch, best_path)
            saver.after_step(state)
    if settings.selection == "best":
        _take_best(network, best_path)
    return network.eval().requires_grad_(False), state.log


def _is_due(step: int, settings: Settings) -> bool:
    """Whether the network is to be validated: now and then, and at the end."""
    return step % settings.validate_every == 0 or step == settings.steps


def _log(state: TrainingState, settings: Settings, epoch: int, bar: Any) -> None:
    """Write a line of the training log after every hundredth step and the last."""
    if state.step % STEPS_BETWEEN_LINES == 0 or state.step == settings.steps:
        means = state.end_epoch(epoch, (state.step - 1) % STEPS_BETWEEN_LINES + 1)
        bar.set_postfix({name: f"{value:.4f}" for name, value in means.items()}, refresh=False)


def _step(state: TrainingState, source: MaskedCaptions, batch: Batch, *, seed: int) -> Tensor:
    """One optimiser step; returns its loss, which may still be computing."""
    torch.manual_seed(draws.seed_of(seed, "lincir dropout", state.step))
    loss = source.loss(batch, state.network(batch.noisy))
    state.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    state.optimiser.step()
    return loss.detach()
