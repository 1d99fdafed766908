"""One step of SEARLE's training of φ, ours beside a plain one as released: `python benchmarks/phi_step.py`.

Random weights at the size of ViT-B/32, random image features and tokens, phrases of the released length. The plain step
does what the released code does (searle.md §4, §11): it finds each image's token by a linear search among 100,000
names, tokenises each phrase and the same phrase with the pseudo token, runs both at 77 positions, and the weights of
the text tower take gradients that nobody reads. Its ten worker processes, which only hand rows of a tensor over, are
left out, as is validation. Ours draws, tokenises and packs the phrases with the token and reads the other features from
a file that was made once. Each variant starts from the same φ on the same images, phrases and dropout.
"""

from collections.abc import Callable

import numpy as np
import side_by_side
import torch
from oti_step import CONCEPTS, MODEL, random_backbone, random_pool
from torch import Tensor
from torch.nn import functional

from cirque import draws
from cirque.encoders import backbones, text
from cirque.encoders.packed import PackedEncoder
from cirque.networks import phi
from cirque.texts import phrase_pool
from cirque.texts.phrase_pool import PhrasePool
from cirque.trainers import searle as phi_training
from cirque.training import losses as phi_losses
from cirque.training import phrase_losses

SETTINGS = phi_training.Settings(
    epochs=100,
    batch=64,
    learning_rate=1e-4,
    weight_decay=0.01,
    dropout=0.5,
    lambda_distil=1.0,
    lambda_gpt=0.75,
    temperature=0.25,
    n_concepts=len(CONCEPTS),
    loss="released",
    replace="all",
)

#: Images of ImageNet-1K test, whose names the released step searches.
N_IMAGES = 100_000

#: Our steps in each round.
REPEATS = 8


class Learner:
    """φ and its optimiser, from the same start for every variant."""

    def __init__(self, backbone: backbones.Backbone) -> None:
        self.network = phi.initial(backbone.dim, backbone.token_dim, SETTINGS.dropout, 0).train()
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=SETTINGS.learning_rate, weight_decay=SETTINGS.weight_decay
        )

    def step(self, number: int, features: Tensor, losses_of: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
        """L_distil, L_gpt and loss of one step, which is taken."""
        torch.manual_seed(draws.seed_of(0, "phi dropout", number))
        distil, gpt = losses_of(self.network(features))
        loss = SETTINGS.lambda_distil * distil + SETTINGS.lambda_gpt * gpt
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        return torch.stack([distil, gpt, loss]).detach()


class Plain:
    """The released step, written from its description."""

    def __init__(self, backbone: backbones.Backbone, regulariser: phrase_losses.PhraseRegulariser) -> None:
        self.model, self.tokenizer, self.regulariser = backbone.model, backbone.tokenizer, regulariser
        self.names = regulariser.image_ids
        self.criterion = torch.nn.CosineEmbeddingLoss()

    def encode(self, texts: list[str], tokens: Tensor | None) -> Tensor:
        """Features of texts at the full context; the first placeholder takes its text's token."""
        model, ids = self.model, self.tokenizer(texts)
        x = model.token_embedding(ids)
        rows = torch.arange(len(ids))
        if tokens is not None:
            x = x.index_put((rows, (ids == text.PLACEHOLDER_ID).int().argmax(1)), tokens)
        x = model.transformer(x + model.positional_embedding, attn_mask=model.attn_mask)
        return model.ln_final(x)[rows, ids.argmax(1)] @ model.text_projection

    def distillation(self, oti: Tensor, predicted: Tensor) -> Tensor:
        """NT-Xent over the stacked vectors of both sets, without the self-similarities."""
        n = len(oti)
        stacked = functional.normalize(torch.cat([oti, predicted]), dim=-1)
        similarities = (stacked @ stacked.T / SETTINGS.temperature).exp()
        positives = torch.cat([similarities.diagonal(n), similarities.diagonal(-n)])
        return -(positives / (similarities.sum(1) - similarities.diagonal())).log().mean()

    def losses(self, images: list[int], oti: Tensor, epoch: int, predicted: Tensor) -> tuple[Tensor, Tensor]:
        """L_distil and L_gpt of a batch, on the phrases that ours draws."""
        pool, numbers = self.regulariser.pool, self.regulariser.draw(images, epoch)
        phrases = [pool.phrase(int(number)) for number in numbers]
        names = list(pool.rows)
        concepts = [names[row] for row in np.searchsorted(pool.starts, numbers, side="right") - 1]
        pseudo = [phrase.replace(name, " $ ") for name, phrase in zip(concepts, phrases, strict=True)]
        gpt = self.criterion(self.encode(phrases, None), self.encode(pseudo, predicted), torch.ones(len(images)))
        return self.distillation(oti, predicted), gpt

    def step(self, learner: Learner, images: list[int], examples: phi_training.Examples, number: int) -> Tensor:
        """L_distil, L_gpt and loss of one step."""
        for name, weights in self.model.named_parameters():
            weights.requires_grad_(not name.startswith("visual."))
        oti = examples.tokens[[self.names.index(self.names[image]) for image in images]]
        losses = learner.step(
            number, examples.features[images], lambda predicted: self.losses(images, oti, number, predicted)
        )
        self.model.requires_grad_(False)
        return losses


def our_step(
    regulariser: phrase_losses.PhraseRegulariser,
    learner: Learner,
    images: list[int],
    examples: phi_training.Examples,
    number: int,
) -> Tensor:
    """L_distil, L_gpt and loss of one step of `cirque.trainers.searle`."""
    oti = examples.tokens[images]
    return learner.step(
        number,
        examples.features[images],
        lambda predicted: (
            phi_losses.distillation_loss(oti, predicted, SETTINGS.temperature, SETTINGS.loss),
            regulariser.loss(regulariser.batch(images, number), predicted),
        ),
    )


def regulariser_of(
    backbone: backbones.Backbone, pool: PhrasePool, image_ids: list[str], dtype: torch.dtype
) -> phrase_losses.PhraseRegulariser:
    """L_gpt of all images, whose products are of a type."""
    made = phrase_losses.PhraseRegulariser(
        backbone,
        pool,
        image_ids,
        [CONCEPTS] * len(image_ids),
        n_concepts=SETTINGS.n_concepts,
        replace=SETTINGS.replace,
        seed=0,
    )
    made.encoder = PackedEncoder(backbone, prefixes=[phrase_pool.START], dtype=dtype)
    return made


def main() -> None:
    parser = side_by_side.parser(__doc__, batch=SETTINGS.batch, of="images")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="our steps in each round")
    arguments = parser.parse_args()
    types = side_by_side.begin(arguments)
    backbone = random_backbone()
    pool = random_pool(backbone, n_phrases=16)
    generator = np.random.default_rng(1)
    image_ids = [f"ILSVRC2012_test_{number:08d}.JPEG" for number in range(1, N_IMAGES + 1)]
    features, tokens = (
        torch.from_numpy(generator.normal(size=(N_IMAGES, dim), scale=scale).astype(np.float32))
        for dim, scale in ((backbone.dim, 0.5), (backbone.token_dim, 0.02))
    )
    examples = phi_training.Examples(image_ids, features, tokens)
    batches = [generator.choice(N_IMAGES, arguments.batch, replace=False).tolist() for _ in range(arguments.rounds + 1)]
    lengths = [len(ids) for ids in text.tokenize(backbone, pool.phrases.to_pylist())]
    print(f"{MODEL}, batch {arguments.batch}, phrases of {np.mean(lengths):.1f} tokens ({min(lengths)}–{max(lengths)})")
    regularisers = {name: regulariser_of(backbone, pool, image_ids, dtype) for name, dtype in types.items()}
    plain = Plain(backbone, regularisers["fp32"])

    def plain_step(number: int) -> Callable[[], Tensor]:
        learner = Learner(backbone)
        return lambda: plain.step(learner, batches[number], examples, number)

    def variant(name: str) -> side_by_side.Variant:
        def ready(number: int) -> Callable[[], Tensor]:
            learner = Learner(backbone)
            return lambda: our_step(regularisers[name], learner, batches[number], examples, number)

        return side_by_side.Variant(ready, name, arguments.repeats)

    side_by_side.compare(plain_step, {name: variant(name) for name in types}, arguments.rounds)


if __name__ == "__main__":
    main()
