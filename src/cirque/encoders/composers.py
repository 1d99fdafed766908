"""Composers: models that were trained as a whole, with the vocabulary of their texts; written, read and asked.

    composer = load(Path("weights.safetensors"), torch.device("cpu"))
    composer.encode_images(pixels)  # of a gallery, uint8 [n, height, width, 3] → [n, dim]
    composer.compose(pixels, ["make it red", …])  # of queries [n, dim]

The side-car holds the vocabulary: numbers of words mean nothing without it (a released checkpoint of TIRG gives R@1 of
2.7 instead of 14.1 with another one).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from cirque import compositions, encoders
from cirque.compositions import Sizes
from cirque.compositions.model import Model, Named, References
from cirque.compositions.vocabulary import Vocabulary
from cirque.encoders import backbones
from cirque.encoders.moving import moved
from cirque.encoders.undrawn import undrawn
from cirque.errors import CirqueError
from cirque.families import COMPOSITIONS
from cirque.store import files, provenance

#: Images or queries of one pass in evaluation.
BATCH = {"cpu": 64, "cuda": 512}

_KEYS = ("composition", "settings", "dim", "encoder", "config", "image_mean", "image_std", "words", "sha256")

Pixels = NDArray[np.uint8]


@dataclass
class Composer:
    """A model and what it takes to ask it.

    Attributes:
        model: on its device.
        vocabulary: of its texts.
        mean: of the pixels, per channel, for normalisation.
        std: likewise.
        record: how the model is built, as its side-car says.
    """

    model: Model
    vocabulary: Vocabulary
    mean: Sequence[float]
    std: Sequence[float]
    record: Mapping[str, Any]

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.scale.device

    def normalised(self, pixels: Pixels) -> Tensor:
        """Pixels [n, height, width, 3] as the trunk reads them [n, 3, height, width]."""
        owned = np.require(pixels, requirements=["C", "W"])  # a mapped file is not to be written to
        of_channels = [torch.tensor(list(x)).view(1, 3, 1, 1) for x in (self.mean, self.std)]
        images, mean, std = moved([torch.from_numpy(owned), *of_channels], self.device)
        return images.permute(0, 3, 1, 2).float().div_(255).sub_(mean).div_(std)

    def words(self, texts: Sequence[str], *, blank_is_unknown: bool = False) -> tuple[Tensor, Tensor]:
        """Numbers of the words of texts [n, longest], and how many each has [n]; see `Vocabulary.encode`."""
        ids, lengths = self.vocabulary.encode(texts, blank_is_unknown=blank_is_unknown)
        return moved((ids, lengths), self.device)

    @torch.inference_mode()
    def encode_images(self, pixels: Pixels) -> NDArray[np.float32]:
        """Features of a gallery's images [n, dim], un-normalised."""
        parts = [self.model.encode_image(self.normalised(pixels[rows])) for rows in self._batches(len(pixels))]
        return np.concatenate([part.float().cpu().numpy() for part in parts])

    @torch.inference_mode()
    def compose(self, pixels: Pixels, rows: NDArray[np.intp], texts: Sequence[str]) -> NDArray[np.float32]:
        """Features of queries [n, dim], un-normalised.

        A benchmark's queries are all asked: one without a word (CIRR test1 has one) asks an unknown word.

        Args:
            pixels: of an image set.
            rows: the reference of each query in it [n].
            texts: modification of each query.
        """
        found = []
        for batch in self._batches(len(texts)):
            words = self.words(texts[batch], blank_is_unknown=True)
            references = References(self.model, *words, pixels=self.normalised(pixels[rows[batch]]))
            found.append(self.model.compose(references).float().cpu().numpy())
        return np.concatenate(found)

    @torch.inference_mode()
    def name(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Features of an adjective with a noun each [n, dim], un-normalised.

        Raises:
            CirqueError: a text has another number of words.
        """
        parts = [self.model.compose(Named(self.model, self.pairs(texts[rows]))) for rows in self._batches(len(texts))]
        return np.concatenate([part.float().cpu().numpy() for part in parts])

    def pairs(self, texts: Sequence[str]) -> Tensor:
        """Numbers of an adjective and a noun each [n, 2].

        Raises:
            CirqueError: a text has another number of words.
        """
        ids, lengths = self.vocabulary.encode(texts)
        strange = [text for text, length in zip(texts, lengths.tolist(), strict=True) if length != 2]
        if strange:
            raise CirqueError(f"{strange[0]!r}: must be an adjective and a noun, two words; correct the list of pairs")
        return moved(ids, self.device)

    def _batches(self, n: int) -> Iterator[slice]:
        size = BATCH[self.device.type]
        return (slice(first, first + size) for first in range(0, n, size))


def made_of(
    record: Mapping[str, Any], trunk: Callable[[], nn.Module] | None = None, device: torch.device | None = None
) -> Composer:
    """A composer of a description, with its initial weights from torch's generator.

    Args:
        record: `composition`, its `settings`, `dim`, `encoder` and `config` of the trunk, `words`, `image_mean`,
            `image_std`, `has_reference_trunk`, `is_frozen` and `scale`.
        trunk: makes a trunk that is trained already; None: one with random weights.
        device: where the model computes.
    """
    kind = encoders.load(record["encoder"])
    make = trunk or (lambda: kind.build(record["encoder"], record["config"]))
    first: Any = make()
    sizes = Sizes(channels=first.widths[-1], dim=record["dim"], blocks=tuple(first.widths))
    made: Any = compositions.load(record["composition"])
    model = Model(
        first,
        made.build(sizes, **record["settings"]),
        sizes,
        len(record["words"]) + 1,
        reference_trunk=make() if record["has_reference_trunk"] else None,
        is_frozen=record["is_frozen"],
        scale=record["scale"],
    )
    vocabulary = Vocabulary(record["words"])
    return Composer(model.to(device or "cpu"), vocabulary, record["image_mean"], record["image_std"], record)


def reads_pixels(composition: str) -> bool:
    """Whether a composition changes maps inside the trunk, so that maps made before the training do not serve it."""
    return bool(COMPOSITIONS.literal(composition, "READS_PIXELS", False))


# ---- files ----------------------------------------------------------------------------------------------------------


def save(composer: Composer, weights: Path, metadata: Mapping[str, Any]) -> None:
    """Write the weights as safetensors, and the side-car: how the model is built, its vocabulary, and more.

    Args:
        composer: trained.
        weights: where to; the side-car has the same name and ends in .json.
        metadata: what else the side-car should say.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in composer.model.state_dict().items()}
    content = safetensors.torch.save(tensors)
    with files.atomic(weights) as partial:
        partial.write_bytes(content)
    record = {**composer.record, "sha256": provenance.bytes_sha256(weights), **metadata}
    files.write_json(backbones.side_car(weights), record)


def load(weights: Path, device: torch.device) -> Composer:
    """Read what `save` wrote, in evaluation mode.

    Raises:
        CirqueError: weights or side-car are missing, cut short or altered, or do not belong together.
    """
    provenance.read(weights)
    card = backbones.side_car(weights)
    if not weights.is_file() or not card.is_file():
        missing = card if weights.is_file() else weights
        raise CirqueError(
            f"{missing}: no such file; a composer is its weights and, beside them, the description that holds its"
            " vocabulary"
        )
    record = files.read_json(card)
    lacking = [key for key in _KEYS if not isinstance(record, dict) or key not in record]
    if lacking:
        raise CirqueError(f"{card}: lacks {', '.join(lacking)}; {provenance.cure(weights)}")
    if provenance.bytes_sha256(weights) != record["sha256"]:
        raise CirqueError(
            f"{weights}: cut short or altered, it is not what {card.name} describes; {provenance.cure(weights)}"
        )
    try:
        with undrawn():
            composer = made_of(record)
        composer.model.load_state_dict(safetensors.torch.load_file(weights), assign=True)
    except (RuntimeError, KeyError, TypeError, SafetensorError) as error:
        first = " ".join(str(error).splitlines()[:2])
        raise CirqueError(f"{weights}: does not fit the model that {card.name} describes ({first})") from error
    composer.model.to(device).eval().requires_grad_(False)
    return composer
