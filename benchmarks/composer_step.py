"""One step of TIRG's training at full size, ours beside a plain one as released: `python benchmarks/composer_step.py`.

ResNet-18 in torchvision's shape with random weights, pictures of 224 × 224, d = 512, TIRG at the last fc and the soft
triplet loss, which are the paper's for MIT-States: two neighbours of a batch share their reference and ask by one word
each (`--share 1`: none do, as in Fashion200k). The plain step is written from the release's description (tirg.md
§2–7): every picture is opened, resized and cropped each time that it is drawn; references pass the network, then
targets; words are looked up one by one; the loss is summed triplet by triplet and read in each step. The release has
four processes that load pictures; here both sides load them in the step's own, so that processor time counts them.

Ours takes pictures that were decoded once, in channels-last order, and a reference that two neighbours share passes the
trunk once. References and targets have batch statistics of their own on both sides, so that the losses agree in
training mode. Both sides start each round with the same weights, pictures, triplets and dropout. bf16 is of use on
a processor with AMX or AVX512-BF16.

`--steps 100` trains as long by `training.loop.fit` instead, ours alone.
"""

import copy
import math
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import side_by_side
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision import transforms

from cirque import draws
from cirque.compositions import tirg
from cirque.compositions.vocabulary import Vocabulary, tokens
from cirque.data import decoded
from cirque.data.preprocessing import resnet as preprocessing
from cirque.datasets import TrainingSet, Triplet
from cirque.encoders import composers, resnet
from cirque.encoders.composers import Composer
from cirque.precisions import Precision
from cirque.trainers import composer as composer_training
from cirque.training import metric_losses, optimisers
from cirque.training.loop import Training, fit

#: As released for MIT-States (docs/tables/tirg_fashion200k.md#training).
SETTINGS = composer_training.Settings(
    loss="soft-triplet-released",
    steps=160_000,
    batch=32,
    optimiser="sgd",
    learning_rate=0.01,
    trunk_rate=0.001,
    weight_decay=5e-5,
    schedule="steps",
    decay_every=50_000,
)

#: Width and height of the drawn files.
FILE_SIZE = (300, 450)

SIZE, DIM, HIDDEN, RESIDUAL_START = 224, 512, 1024, 10.0

#: MIT-States has 115 adjectives and 245 nouns.
ADJECTIVES = [f"adjective{number}" for number in range(115)]
NOUNS = [f"noun{number}" for number in range(245)]

SEED = 0


# ---- what both train on ---------------------------------------------------------------------------------------------


def draw_pictures(folder: Path, n: int) -> list[Path]:
    """JPEG files of a photograph's size: smooth patches and some grain."""
    paths = [folder / f"{number:05}.jpg" for number in range(n)]
    for path in paths:
        rng = draws.generator(SEED, "picture", path.name)
        patches = Image.fromarray(rng.integers(0, 256, (18, 12, 3), dtype=np.uint8))
        smooth = np.asarray(patches.resize(FILE_SIZE, Image.Resampling.BICUBIC), dtype=np.float32)
        grain = rng.normal(0, 8, smooth.shape)
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return paths


def triplets(n: int, share: int) -> TrainingSet:
    """Adjectives ask for any other picture; `share` neighbours have one reference."""
    names = [f"{number:05}" for number in range(n)]

    def draw(number: int, rng: np.random.Generator) -> Sequence[Triplet]:
        asked, found = rng.permutation(len(ADJECTIVES))[:share], rng.integers(n, size=share)
        return [Triplet(names[number], ADJECTIVES[a], names[f]) for a, f in zip(asked, found, strict=True)]

    return TrainingSet(names, [*ADJECTIVES, *NOUNS], share, draw)


def decode(paths: Sequence[Path], target: Path) -> decoded.Pixels:
    """The pictures as a training reads them."""

    def pixels(path: Path) -> decoded.Pixels:
        with Image.open(path) as image:
            return np.asarray(preprocessing.apply(image, SIZE))

    decoded.write(target, ((path.name, pixels(path)) for path in paths), len(paths))
    return decoded.read(target, len(paths))


def new_composer(words: Sequence[str]) -> Composer:
    """TIRG at the last fc with random weights."""
    torch.manual_seed(SEED)
    return composers.made_of(
        {
            "composition": "tirg",
            "settings": {"level": "fc", "hidden": HIDDEN, "residual_start": RESIDUAL_START, "branches": "both"},
            "dim": DIM,
            "encoder": "resnet",
            "config": resnet.read_config("resnet18"),
            "image_mean": resnet.MEAN,
            "image_std": resnet.STD,
            "words": words,
            "has_reference_trunk": False,
            "is_frozen": False,
            "scale": 4.0,
        }
    )


# ---- the plain step -------------------------------------------------------------------------------------------------


class PlainModel(nn.Module):
    """The released network, written from its description."""

    def __init__(self, n_words: int) -> None:
        super().__init__()
        self.cnn = torchvision.models.resnet18()
        self.cnn.fc = nn.Linear(DIM, DIM)
        self.embedding = nn.Embedding(n_words, DIM)
        self.lstm = nn.LSTM(DIM, DIM)
        self.text = nn.Sequential(nn.Dropout(0.1), nn.Linear(DIM, DIM))
        self.gate, self.residual = tirg.fc_gate(DIM), tirg.fc_residual(DIM, HIDDEN)
        self.mixing = nn.Parameter(torch.tensor([1.0, RESIDUAL_START, 1.0, 1.0]))
        self.scale = nn.Parameter(torch.tensor(4.0))

    def take_over(self, composer: Composer) -> None:
        """Begin with our weights."""
        ours = composer.model
        classes = {f"fc.{name}": value for name, value in ours.fc.state_dict().items()}
        self.cnn.load_state_dict({**ours.trunk.state_dict(), **classes})
        for mine, theirs in (
            (self.embedding, ours.text_encoder.embedding),
            (self.lstm, ours.text_encoder.lstm),
            (self.text[1], ours.text_encoder.linear),
            (self.gate, ours.composition.gate),
            (self.residual, ours.composition.residual),
        ):
            mine.load_state_dict(theirs.state_dict())
        with torch.no_grad():
            self.mixing.copy_(ours.composition.get_parameter("mixing"))
            self.scale.copy_(ours.scale)

    def read(self, ids: list[list[int]]) -> Tensor:
        """Features of texts: the LSTM runs over the padded batch, and each text's last state is taken."""
        padded = torch.zeros(max(map(len, ids)), len(ids), dtype=torch.int64)
        for row, words in enumerate(ids):
            padded[: len(words), row] = torch.tensor(words)
        states, _ = self.lstm(self.embedding(padded))
        return self.text(torch.stack([states[len(words) - 1, row] for row, words in enumerate(ids)]))

    def compose(self, images: Tensor, ids: list[list[int]]) -> Tensor:
        """Features of queries."""
        image = self.cnn(images)
        joint = torch.cat([image, self.read(ids)], dim=1)
        return self.mixing[0] * self.gate(joint).sigmoid() * image + self.mixing[1] * self.residual(joint)


class Plain:
    """The released step, written from its description."""

    def __init__(self, paths: Sequence[Path], words: Sequence[str]) -> None:
        self.paths = paths
        self.ids = {word: number for number, word in enumerate(words, start=1)}
        self.model = PlainModel(len(words) + 1).train()
        self.transform = transforms.Compose(
            [
                transforms.Resize(SIZE, transforms.InterpolationMode.BILINEAR),
                transforms.CenterCrop(SIZE),
                transforms.ToTensor(),
                transforms.Normalize(resnet.MEAN, resnet.STD),
            ]
        )
        fc = list(self.model.cnn.fc.parameters())
        trunk = [weights for name, weights in self.model.cnn.named_parameters() if not name.startswith("fc.")]
        others = [weights for name, weights in self.model.named_parameters() if not name.startswith("cnn.")]
        groups = [{"params": fc}, {"params": trunk, "lr": SETTINGS.trunk_rate}, {"params": others}]
        self.optimiser = torch.optim.SGD(
            cast(list[dict[str, Any]], groups),
            lr=SETTINGS.learning_rate,
            momentum=0.9,
            weight_decay=SETTINGS.weight_decay,
        )

    def images(self, rows: np.ndarray) -> Tensor:
        """Pictures from their files."""
        found = []
        for row in rows:
            with Image.open(self.paths[row]) as image:
                found.append(self.transform(image.convert("RGB")))
        return torch.stack(found)

    def loss(self, queries: Tensor, targets: Tensor, step: int) -> Tensor:
        """Soft triplet loss, triplet by triplet, with half its gradient."""
        queries, targets = (self.model.scale * functional.normalize(x, dim=1) for x in (queries, targets))
        items, n = torch.cat([queries, targets]), len(queries)
        chosen = metric_losses.released_triplets(draws.generator(SEED, "negatives", step), n)
        losses = []
        for anchor in range(2 * n):
            for negative in chosen[anchor].tolist():
                near = (items[anchor] - items[(anchor + n) % (2 * n)]).square().sum()
                far = (items[anchor] - items[negative]).square().sum()
                losses.append(torch.log(1 + torch.exp(near - far)))
        loss = torch.stack(losses).mean()
        return 0.5 * loss + 0.5 * loss.detach()

    def step(self, drawn: tuple[np.ndarray, list[str], np.ndarray], step: int) -> float:
        """Loss of one step."""
        references, texts, targets = drawn
        images, wanted = self.images(references), self.images(targets)
        ids = [[self.ids.get(word, 0) for word in tokens(text)] for text in texts]
        loss = self.loss(self.model.compose(images, ids), self.model.cnn(wanted), step)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()


# ---- ours -----------------------------------------------------------------------------------------------------------


def our_step(training: Training, step: int) -> float:
    """Loss of one step, as `loop.fit` takes it."""
    loss = training.loss(training.batch(step), step)["loss"]
    training.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimisers.step(training.optimiser)
    return loss.item()


# ---- side by side ---------------------------------------------------------------------------------------------------


def compare(
    plain: Plain, ours: dict[str, tuple[Composer, Training]], sampler: composer_training.Sampler, rounds: int
) -> None:
    """Run the rounds and print images a second, ratios and the largest difference of losses."""
    start = copy.deepcopy(next(iter(ours.values()))[0].model.state_dict())
    n_images = 2 * sampler.batch
    ratios: dict[str, list[side_by_side.Times]] = {name: [] for name in ours}
    worst = dict.fromkeys(ours, 0.0)
    seen: dict[str, list[side_by_side.Times]] = {name: [] for name in ["plain", "loading", *ours]}
    plain.step(sampler(rounds), rounds)  # warm-up
    for _, training in ours.values():
        our_step(training, rounds)
    for step in range(rounds):
        for composer, _ in ours.values():
            composer.model.load_state_dict(start)
        plain.model.take_over(next(iter(ours.values()))[0])
        drawn = sampler(step)
        torch.manual_seed(step)
        times, expected = side_by_side.timed(lambda drawn=drawn, step=step: plain.step(drawn, step))
        loading, _ = side_by_side.timed(lambda drawn=drawn: (plain.images(drawn[0]), plain.images(drawn[2])))
        seen["plain"].append(times)
        seen["loading"].append(loading)
        line = f"round {step + 1}: plain {times[0]:.2f} s ({times[1]:.2f} s of the processor)"
        for name, (_, training) in ours.items():
            torch.manual_seed(step)
            (clock, processor), loss = side_by_side.timed(lambda training=training, step=step: our_step(training, step))
            seen[name].append((clock, processor))
            ratios[name].append((times[0] / clock, times[1] / processor))
            worst[name] = max(worst[name], abs(loss - expected) / abs(expected))
            line += f", {name} {clock:.2f} s ({processor:.2f} s)"
        print(line, flush=True)
    for name, found in seen.items():
        clock, processor = (statistics.median(column) for column in zip(*found, strict=True))
        what = "pictures of the plain step opened, resized and normalised" if name == "loading" else f"{name} step"
        print(
            f"{what}: {clock:.2f} s, {n_images / clock:.1f} images/s ({processor:.2f} s of the processor,"
            f" {n_images / processor:.1f} images/s)"
        )
    for name, found in ratios.items():
        by_clock, by_processor = (statistics.median(column) for column in zip(*found, strict=True))
        print(
            f"{name}: {by_clock:.2f} × the plain step's images/s by the clock, {by_processor:.2f} × by processor time;"
            f" losses differ by at most {worst[name]:.1e} of their value"
        )


def train(name: str, training: Training, folder: Path) -> None:
    """Train by the loop and print images a second; no state is written on the way."""
    n_images = 2 * SETTINGS.batch * training.n_steps
    (clock, processor), log = side_by_side.timed(lambda: fit(training, folder / "state.safetensors", math.inf))
    losses = ", ".join(f"{row['value']:.4f} up to step {row['step']}" for row in log)
    print(
        f"{name}: {training.n_steps} steps in {clock:.0f} s, {n_images / clock:.1f} images/s ({processor:.0f} s of the"
        f" processor, {n_images / processor:.1f} images/s); mean loss {losses}"
    )


def main() -> None:
    parser = side_by_side.parser(__doc__, batch=SETTINGS.batch, of="queries, each with its target")
    parser.add_argument("--share", type=int, default=2, choices=(1, 2), help="neighbours that share a reference")
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--steps", type=int, default=0, help="train ours alone for so many steps")
    arguments = parser.parse_args()
    types = side_by_side.begin(arguments)
    print(f"ResNet-18 at {SIZE} × {SIZE}, d = {DIM}, batch {arguments.batch}, {arguments.share} queries a reference")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = draw_pictures(folder, arguments.pictures)
        size = statistics.mean(path.stat().st_size for path in paths) / 1024
        (clock, processor), pixels = side_by_side.timed(lambda: decode(paths, folder / "pixels.npy"))
        print(
            f"{len(paths)} JPEG of {FILE_SIZE[0]} × {FILE_SIZE[1]}, {size:.0f} KiB each, decoded once in {clock:.2f} s"
            f" ({processor:.2f} s of the processor)"
        )
        data = composer_training.Data(triplets(len(paths), arguments.share), pixels)
        words = Vocabulary.of(data.triplets.texts).words
        ours = {}
        for precision in types:
            composer = new_composer(words)
            settings = replace(SETTINGS, batch=arguments.batch)
            training = composer_training.training_of(composer, data, settings, SEED, cast(Precision, precision))
            ours[precision] = composer, training
            composer.model.train()
        if arguments.steps:
            for precision, (_, training) in ours.items():
                train(precision, replace(training, n_steps=arguments.steps, per_line=25), folder)
            return
        sampler = composer_training.Sampler(data.triplets, SEED, arguments.batch)
        compare(Plain(paths, words), ours, sampler, arguments.rounds)


if __name__ == "__main__":
    main()
