"""One step of LinCIR's training, ours beside a plain implementation of the release: `python benchmarks/lincir_step.py`.

Random weights at the size of ViT-L/14's text tower. The plain step does what the released code does: the captions and
the masked captions run at 77 positions, padded, through the frozen tower. Ours packs the masked captions and reads the
captions' features, which were computed once; a second variant encodes them in each step, trimmed. Texts are drawn, not
taken from a corpus: half keywords, of the given lengths. Our time holds masking, tokenising, noise and layout; the
plain one's texts are tokenised beforehand, as worker processes do it in the release. Each variant starts from the same
φ on the same captions, noise and dropout.
"""

import argparse
from collections.abc import Callable

import numpy as np
import open_clip
import pyarrow as pa
import side_by_side
import torch
from torch import Tensor
from torch.nn import functional

from cirque import draws
from cirque.encoders import backbones, clip, text
from cirque.networks import phi
from cirque.store import schemas
from cirque.trainers import lincir as lincir_training
from cirque.training import loop as training
from cirque.training import masked_captions

MODEL = "ViT-L-14-quickgelu"
CPU = torch.device("cpu")
SETTINGS = lincir_training.Settings(
    steps=1,
    batch=0,
    learning_rate=1e-4,
    weight_decay=0.01,
    dropout=0.5,
    input="text",
    masking="substring",
    noise="lincir",
    noise_scale=1.0,
    selection="last",
    validate_every=1,
)

#: One token each in CLIP's vocabulary; none is a part of another.
DETERMINERS = ("the", "this")
ADJECTIVES = ("red", "blue", "small", "old", "new", "quiet", "bright", "huge")
NOUNS = ("house", "street", "garden", "water", "table", "people", "castle", "piano", "city", "river", "window", "cat")
OTHERS = (("on", "ADP"), ("near", "ADP"), ("with", "ADP"), ("and", "CCONJ"), (",", "PUNCT"), ("sits", "VERB"))

#: Mean and standard deviation of a caption's tokens, start and end among them, of a log-normal cut to 5–77. CC3M's mean
#: is the paper's (Table 2); the rest is a guess at prompts: several times as long, up to the context.
CC3M, PROMPTS = (12.6, 4.5), (42.0, 30.0)
MIXES = {"CC3M-like": (CC3M,), "half prompts": (CC3M, PROMPTS)}

#: Our steps in each round.
REPEATS = {"CC3M-like": 8, "half prompts": 4}


# ---- what both variants work on ------------------------------------------------------------------------------------


def random_backbone(name: str = MODEL, device: torch.device = CPU) -> backbones.Backbone:
    """The text tower at its real size with random weights; the vision tower, which nothing asks, is tiny."""
    config = clip.read_config(name)
    config["vision_cfg"] = {"image_size": 32, "layers": 1, "width": 64, "head_width": 64, "patch_size": 16}
    model = clip.build(name, config).eval().requires_grad_(False).to(device)
    return backbones.Backbone(
        model=model,
        tokenizer=open_clip.SimpleTokenizer(),
        name=name,
        dim=config["embed_dim"],
        token_dim=model.token_embedding.embedding_dim,
        image_size=32,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        context_length=model.context_length,
    )


def random_caption(generator: np.random.Generator, n_words: int) -> tuple[list[str], list[str]]:
    """Keywords (determiner, now and then adjective, noun) divided by one other word, and the parts of speech."""
    words: list[str] = []
    pos: list[str] = []
    while len(words) < n_words:
        if words:
            other, tag = OTHERS[generator.integers(len(OTHERS))]
            words, pos = [*words, other], [*pos, tag]
        adjectives = generator.choice(ADJECTIVES, generator.integers(3), replace=False).tolist()
        words += [str(generator.choice(DETERMINERS)), *adjectives, str(generator.choice(NOUNS))]
        pos += ["DET", *["ADJ"] * len(adjectives), "NOUN"]
    return words[:n_words], pos[:n_words]


def random_corpus(backbone: backbones.Backbone, mix: tuple[tuple[float, float], ...], n: int) -> masked_captions.Corpus:
    """Captions of lengths drawn from each part of the mix in turn, and their features."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(n):
        mean, deviation = mix[number % len(mix)]
        variance = np.log(1 + (deviation / mean) ** 2)
        length = generator.lognormal(np.log(mean) - variance / 2, variance**0.5)
        words, pos = random_caption(generator, int(np.clip(round(length), 5, backbone.context_length)) - 2)
        rows.append({"caption_id": f"caption {number}", "caption": " ".join(words), "words": words, "pos": pos})
    with torch.no_grad():
        features = text.encode(backbone, [str(row["caption"]) for row in rows]).cpu().numpy()
    return masked_captions.Corpus(pa.Table.from_pylist(rows, schemas.CAPTIONS), features)


# ---- steps ---------------------------------------------------------------------------------------------------------


class Learner:
    """φ and its optimiser, from the same start for every variant; ours is fused, the release's is torch's default."""

    def __init__(self, backbone: backbones.Backbone, fused: bool) -> None:
        self.network = phi.initial(backbone.dim, backbone.token_dim, SETTINGS.dropout, 0).train()
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=SETTINGS.learning_rate,
            weight_decay=SETTINGS.weight_decay,
            fused=fused,
        )

    def step(self, number: int, noisy: Tensor, loss_of: Callable[[Tensor], Tensor]) -> Tensor:
        """Loss of one step, which is taken."""
        torch.manual_seed(draws.seed_of(0, "dropout", number))
        loss = loss_of(self.network(noisy))
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        return loss.detach()


class Plain:
    """The released step, written from its description."""

    def __init__(self, backbone: backbones.Backbone, source: masked_captions.MaskedCaptions) -> None:
        self.model, self.source = backbone.model, source
        self.rows = source.corpus.captions.to_pylist()

    def prepare(self, number: int) -> None:
        """Ids of the captions and the masked captions, padded to the context, and the noise."""
        batch, rows = self.source.batch(number), self.rows
        order = training.epoch_batches(len(rows), self.source.settings.batch, self.source.seed, number)[0]
        self.noise = batch.noisy - batch.features
        self.captions = self.model_ids([rows[row]["caption"] for row in order])
        masked = self.source.texts.masked([rows[row] for row in order], number)
        self.masked = self.model_ids([caption.replace("[$]", " $ ") for caption in masked])

    def model_ids(self, texts: list[str]) -> Tensor:
        """Token ids [n, 77]."""
        ids: Tensor = self.source.backbone.tokenizer(texts)
        return ids

    def encode(self, ids: Tensor, tokens: Tensor | None) -> Tensor:
        """Features of texts at the full context; every placeholder takes its text's token."""
        model = self.model
        x = model.token_embedding(ids)
        if tokens is not None:
            x = torch.where((ids == text.PLACEHOLDER_ID)[..., None], tokens[:, None], x)
        x = model.transformer(x + model.positional_embedding, attn_mask=model.attn_mask)
        return model.ln_final(x)[torch.arange(len(ids)), ids.argmax(1)] @ model.text_projection

    def step(self, learner: Learner, number: int) -> Tensor:
        """Loss of one step."""
        z = self.encode(self.captions, None)
        return learner.step(
            number, z + self.noise, lambda tokens: functional.mse_loss(self.encode(self.masked, tokens), z)
        )


def our_step(source: masked_captions.MaskedCaptions, learner: Learner, number: int) -> Tensor:
    """Loss of one step of `cirque.trainers.lincir`."""
    batch = source.batch(number)
    return learner.step(number, batch.noisy, lambda tokens: source.loss(batch, tokens))


def uncached_step(source: masked_captions.MaskedCaptions, learner: Learner, number: int) -> Tensor:
    """The same with the captions encoded in the step, by the trimmed tower."""
    with torch.no_grad():
        text.encode(source.backbone, source.corpus.captions["caption"].to_pylist())
    return our_step(source, learner, number)


# ---- the comparison ------------------------------------------------------------------------------------------------


def compare(
    backbone: backbones.Backbone, mix: str, types: dict[str, torch.dtype], arguments: argparse.Namespace
) -> None:
    """Run the rounds on one mix of lengths."""
    settings = lincir_training.Settings(**{**vars(SETTINGS), "batch": arguments.batch})
    corpus = random_corpus(backbone, MIXES[mix], arguments.batch)  # one batch: every step is a pass
    sources = {
        name: masked_captions.MaskedCaptions(backbone, corpus, settings, seed=0, dtype=dtype)
        for name, dtype in types.items()
    }
    plain = Plain(backbone, sources["fp32"])
    plain.prepare(0)
    lengths = [(ids != 0).sum(1).float() for ids in (plain.captions, plain.masked)]
    print(
        f"{mix}: captions of {lengths[0].mean():.1f} tokens ({int(lengths[0].min())}–{int(lengths[0].max())}),"
        f" masked {lengths[1].mean():.1f}"
    )

    def plain_step(number: int) -> Callable[[], Tensor]:
        plain.prepare(number)
        learner = Learner(backbone, fused=False)
        return lambda: plain.step(learner, number)

    def variant(step: Callable[..., Tensor], name: str) -> side_by_side.Variant:
        def ready(number: int) -> Callable[[], Tensor]:
            learner = Learner(backbone, fused=True)
            return lambda: step(sources[name], learner, number)

        return side_by_side.Variant(ready, name, REPEATS[mix])

    ours = {
        "fp32, captions encoded": variant(uncached_step, "fp32"),
        **{name: variant(our_step, name) for name in types},
    }
    side_by_side.compare(plain_step, ours, arguments.rounds)


def main() -> None:
    parser = side_by_side.parser(__doc__, batch=64, of="captions")
    parser.add_argument("--mix", choices=MIXES, nargs="+", default=list(MIXES), help="lengths of captions")
    arguments = parser.parse_args()
    types = side_by_side.begin(arguments)
    backbone = random_backbone()
    print(f"{MODEL}, batch {arguments.batch}")
    for mix in arguments.mix:
        compare(backbone, mix, types, arguments)


if __name__ == "__main__":
    main()
