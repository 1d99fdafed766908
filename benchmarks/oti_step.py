"""One step of inversion, ours beside a plain implementation of the released loop: `python benchmarks/oti_step.py`.

Random weights at the size of ViT-B/32. The plain step does what the released code does: three texts an image are
tokenised and run at 77 positions, and the weights of the text tower take gradients.
"""

from collections.abc import Callable

import numpy as np
import open_clip
import pyarrow as pa
import side_by_side
import torch
from torch import Tensor

from cirque.encoders import backbones, clip, text
from cirque.inversion import oti, oti_batches
from cirque.texts.phrase_pool import PhrasePool
from cirque.texts.templates import TEMPLATES
from cirque.training import optimisers

MODEL = "ViT-B-32-quickgelu"
SETTINGS = oti.Settings(
    steps=0,
    learning_rate=0.02,
    weight_decay=0.01,
    init_std=0.02,
    lambda_cos=1.0,
    lambda_gpt=0.5,
    ema_decay=0.99,
    n_concepts=3,
    batch=0,
    replace="first",
    regulariser="phrases",
)

#: One token each in CLIP's vocabulary.
CONCEPTS = ("dog", "bicycle", "tree", "lamp", "boat", "piano", "castle", "spoon")
WORDS = (
    "is was sits stands in on near under over the a red blue small old new house street garden water sky table people"
    " children green hills light morning city river wall window stone paper big bright quiet with and by of many two"
)

#: Tokens of a phrase of the released model: 36.6 on average, most between 30 and 45.
MEAN_TOKENS, STD_TOKENS = 36.6, 4.0

#: Our steps in each round.
REPEATS = 8


# ---- what both variants work on ------------------------------------------------------------------------------------


def random_backbone() -> backbones.Backbone:
    """The model at its real size with random weights."""
    config = clip.read_config(MODEL)
    model = clip.build(MODEL, config).eval().requires_grad_(False)
    return backbones.Backbone(
        model=model,
        tokenizer=open_clip.SimpleTokenizer(),
        name=MODEL,
        dim=config["embed_dim"],
        token_dim=model.token_embedding.embedding_dim,
        image_size=224,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        context_length=model.context_length,
    )


def random_pool(backbone: backbones.Backbone, n_phrases: int) -> PhrasePool:
    """Phrases of the released length about a few concepts, and their features."""
    generator = np.random.default_rng(0)
    phrases = []
    for concept in CONCEPTS:
        for _ in range(n_phrases):
            n_words = int(np.clip(round(generator.normal(MEAN_TOKENS - 7, STD_TOKENS)), 15, 68))
            phrases.append(f"a photo of {concept} that {' '.join(generator.choice(WORDS.split(), n_words))}")
    with torch.no_grad():
        features = torch.nn.functional.normalize(text.encode(backbone, phrases), dim=-1).cpu()
    return PhrasePool(
        {concept: row for row, concept in enumerate(CONCEPTS)},
        np.arange(len(CONCEPTS) + 1) * n_phrases,
        np.ones(len(CONCEPTS), dtype=bool),
        pa.chunked_array([pa.array(phrases)]),
        features.numpy(),
    )


def random_images(backbone: backbones.Backbone, n: int) -> oti_batches.Images:
    """Features and concepts of n images."""
    generator = np.random.default_rng(1)
    features = generator.normal(size=(n, backbone.dim)).astype(np.float32)
    concepts = [generator.choice(len(CONCEPTS), SETTINGS.n_concepts, replace=False) for _ in range(n)]
    return oti_batches.Images([f"image {row}" for row in range(n)], features, concepts)


# ---- the plain step ------------------------------------------------------------------------------------------------


class Plain:
    """The released loop, written from its description."""

    def __init__(self, backbone: backbones.Backbone, batch: oti_batches.Batch) -> None:
        self.model, self.tokenizer, self.batch = backbone.model, backbone.tokenizer, batch
        self.criterion = torch.nn.CosineEmbeddingLoss()
        self.names = list(batch.pool.rows)

    def encode(self, texts: list[str], tokens: Tensor | None) -> Tensor:
        """Features of texts at the full context."""
        model, ids = self.model, self.tokenizer(texts)
        x = model.token_embedding(ids)
        rows = torch.arange(len(ids))
        if tokens is not None:
            x = x.index_put((rows, (ids == text.PLACEHOLDER_ID).int().argmax(1)), tokens)
        x = model.transformer(x + model.positional_embedding, attn_mask=model.attn_mask)
        return model.ln_final(x)[rows, ids.argmax(1)] @ model.text_projection

    def losses(self, tokens: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Mean L_cos and L_gpt."""
        batch, pool = self.batch, self.batch.pool
        templates = [TEMPLATES[number].format(" $ ") for number in batch.templates[:, step]]
        phrases = [pool.phrase(int(number)) for number in batch.phrases[:, step]]
        concepts = np.searchsorted(pool.starts, batch.phrases[:, step], side="right") - 1
        pseudo = [phrase.replace(self.names[row], " $ ", 1) for row, phrase in zip(concepts, phrases, strict=True)]
        ones = torch.ones(len(tokens))
        l_cos = self.criterion(self.encode(templates, tokens), batch.features, ones)
        return l_cos, self.criterion(self.encode(pseudo, tokens), self.encode(phrases, None), ones)

    def step(self, start: Tensor, number: int) -> Tensor:
        """L_cos, L_gpt and loss of one step."""
        for name, weights in self.model.named_parameters():
            weights.requires_grad_(not name.startswith("visual."))
        tokens = start.clone().requires_grad_(True)
        optimiser = torch.optim.AdamW([tokens], lr=SETTINGS.learning_rate, weight_decay=SETTINGS.weight_decay)
        l_cos, l_gpt = self.losses(tokens, number)
        loss = (SETTINGS.lambda_cos * l_cos + SETTINGS.lambda_gpt * l_gpt) / (SETTINGS.lambda_cos + SETTINGS.lambda_gpt)
        loss.backward()
        optimiser.step()
        self.model.requires_grad_(False)
        return torch.stack([l_cos, l_gpt, loss]).detach()


def our_step(batch: oti_batches.Batch, start: Tensor, texts: oti_batches.StepTexts) -> Tensor:
    """L_cos, L_gpt and loss of one step of `cirque.inversion.oti`, of which the texts are laid out."""
    tokens, fused = start.clone().requires_grad_(True), optimisers.fused(start.device)
    optimiser = torch.optim.AdamW([tokens], lr=SETTINGS.learning_rate, weight_decay=SETTINGS.weight_decay, **fused)
    l_cos, l_gpt = batch.losses(tokens, texts)
    loss = oti.inversion_loss(l_cos, l_gpt, SETTINGS)
    (tokens.grad,) = torch.autograd.grad(loss.sum() / oti.RELEASED_BATCH, tokens)
    optimiser.step()
    return torch.stack([l_cos.mean(), l_gpt.mean(), loss.mean()]).detach()


# ---- the comparison ------------------------------------------------------------------------------------------------


def main() -> None:
    arguments = side_by_side.parser(__doc__, batch=64, of="images").parse_args()
    types = side_by_side.begin(arguments)
    settings = oti.Settings(**{**vars(SETTINGS), "steps": arguments.rounds + 1, "batch": arguments.batch})
    backbone = random_backbone()
    pool = random_pool(backbone, n_phrases=16)
    images = random_images(backbone, arguments.batch)
    batches = {
        name: oti_batches.Batch(oti_batches.encoder_for(backbone, dtype), images, pool, settings, seed=0)
        for name, dtype in types.items()
    }
    start = oti.State.initial(images.image_ids, backbone.token_dim, settings.init_std, 0, torch.device("cpu")).tokens
    lengths = [len(ids) for ids in text.tokenize(backbone, pool.phrases.to_pylist())]
    print(f"{MODEL}, batch {arguments.batch}, phrases of {np.mean(lengths):.1f} tokens ({min(lengths)}–{max(lengths)})")
    plain = Plain(backbone, batches["fp32"])

    def variant(name: str) -> side_by_side.Variant:
        def ready(number: int) -> Callable[[], Tensor]:
            return lambda: our_step(batches[name], start, batches[name].texts_of(number))

        return side_by_side.Variant(ready, name, REPEATS)

    side_by_side.compare(
        lambda number: lambda: plain.step(start, number), {name: variant(name) for name in types}, arguments.rounds
    )


if __name__ == "__main__":
    main()
