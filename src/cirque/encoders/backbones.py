"""Backbones: encoders and their weights, the same way for a mini model and for the real CLIP.

    backbone = load(Path("weights.safetensors"), torch.device("cpu"))  # images and texts
    encoder = load_images(Path("weights.safetensors"), torch.device("cpu"))  # images alone
    encoder.encode_image(images)  # [n, encoder.dim]

Weights are safetensors. The side-car beside them (`weights.json`) names the encoder, a module of `cirque.encoders`, and
holds the whole configuration of the model, so that loading needs neither a registry of names nor a network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from cirque import encoders
from cirque.encoders.undrawn import undrawn
from cirque.errors import CirqueError
from cirque.families import ENCODERS, reads_texts, takes_tokens
from cirque.store import files, provenance

#: What a side-car must say.
SIDE_CAR_KEYS = ("encoder", "model", "config", "source", "seed", "tag", "sha256", "image_mean", "image_std")


def _are_channels(value: Any) -> bool:
    """Whether a value is a number for each of three channels."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(type(one) in (int, float) and abs(one) < 1e6 for one in value)
    )


#: What some of them must be.
_FITS: Mapping[str, Callable[[Any], bool]] = {
    "config": lambda value: isinstance(value, dict),
    **dict.fromkeys(("model", "sha256"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("image_mean", "image_std"), _are_channels),
}

#: Seed of released weights.
RELEASED = 0


@dataclass(frozen=True)
class Encoder:
    """A frozen model that turns images into features, and what a stage must know of it."""

    model: Any  # encoders.ImageModel, in eval mode, without gradients
    name: str  # of the model
    dim: int  # d: length of an image or text feature
    image_size: int  # pixels
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def encode_image(self, images: Tensor) -> Tensor:
        """Features of a gallery's images: normalised pixels [n, 3, size, size] → [n, dim], un-normalised."""
        return cast(Tensor, self.model.encode_image(images))

    def encode_query_image(self, images: Tensor) -> Tensor:
        """Features of queries' references, likewise: by a tower of their own where the model has one."""
        return cast(Tensor, getattr(self.model, "encode_query_image", self.model.encode_image)(images))

    def image_maps(self, images: Tensor) -> Tensor:
        """The last feature map of queries' references: normalised pixels → [n, channels, height, width].

        Raises:
            CirqueError: the model has no feature map.
        """
        if not hasattr(self.model, "image_maps"):
            raise CirqueError(
                f"backbone {self.name}: has no feature map (`image_maps` of its model); take a method that reads"
                " features, or a backbone whose encoder has one"
            )
        return cast(Tensor, self.model.image_maps(images))


@dataclass(frozen=True)
class Backbone(Encoder):
    """An encoder that has a text tower, too; all but those with a `text_reader` take pseudo tokens."""

    tokenizer: Callable[[str | list[str]], Tensor]  # texts → ids [n, context_length]
    token_dim: int  # d_w: length of a token embedding
    context_length: int  # tokens


# ---- writing --------------------------------------------------------------------------------------------------------


def side_car(weights: Path) -> Path:
    """The JSON file beside the weights."""
    return weights.with_suffix(".json")


def save(
    model: Any,
    weights: Path,
    *,
    encoder: str,
    name: str,
    config: dict[str, Any],
    source: str,
    seed: int,
    tag: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a model's weights as safetensors, and their side-car.

    Args:
        model: What `build` of the encoder makes.
        weights: Where to; the side-car has the same name and ends in .json.
        encoder: Its kind: name of a module of cirque.encoders.
        name: Of the model.
        config: Its configuration.
        source: `trained`, `finetuned`, `random`, or where the weights were fetched from.
        seed: Of the weights; RELEASED for fetched ones.
        tag: Of fetched weights.
        mean: Of the pixels, per channel, for normalisation; the encoder's own if not given.
        std: Likewise.
        metadata: What else the side-car should say, such as how the weights were trained.
    """
    kind = encoders.load(encoder)
    tensors = {key: value.detach().float().cpu().contiguous() for key, value in model.state_dict().items()}
    with files.atomic(weights) as partial:
        try:
            save_file(tensors, partial)
        except SafetensorError as error:  # of a full disk, in its own words
            raise OSError(str(error)) from error
        partial.chmod(0o644)  # safetensors leaves it to its owner alone
    record = {
        "encoder": encoder,
        "model": name,
        "config": config,
        "source": source,
        "seed": seed,
        "tag": tag,
        "sha256": provenance.sha256(weights),
        "image_mean": list(mean or kind.MEAN),
        "image_std": list(std or kind.STD),
        **(metadata or {}),
    }
    files.write_json(side_car(weights), record)


# ---- reading --------------------------------------------------------------------------------------------------------


def read_side_car(weights: Path, encoder: str | None = None) -> dict[str, Any]:
    """What the side-car of a weights file says.

    Args:
        weights: A safetensors file.
        encoder: The kind of model that is wanted, if only one is.

    Raises:
        CirqueError: it is missing, lacks a key, or is of another kind of model.
    """
    path = side_car(weights)
    record = files.read_json(path)
    missing = [key for key in SIDE_CAR_KEYS if not isinstance(record, dict) or key not in record]
    if missing:
        raise CirqueError(f"{path}: lacks {', '.join(missing)}; delete it and run Snakemake again, which makes it anew")
    strange = [key for key, fits in _FITS.items() if not fits(record[key])]
    if strange:
        said = ", ".join(f"{key} {record[key]!r:.80}" for key in strange)
        raise CirqueError(f"{path}: describes no model ({said}); {provenance.cure(path)}")
    try:
        ENCODERS.require(record["encoder"])
    except CirqueError as error:
        raise CirqueError(f"{path}: {error}") from error
    if encoder not in (None, record["encoder"]):
        raise CirqueError(f"{path}: of the encoder {record['encoder']}, but {encoder} is needed here; give its weights")
    return dict(record)


def sizes(weights: Path) -> encoders.Sizes:
    """Sizes of the model of a weights file, of its side-car alone.

    Raises:
        CirqueError: as of `read_side_car`.
    """
    return _sizes(weights, read_side_car(weights))


def _sizes(weights: Path, record: Mapping[str, Any]) -> encoders.Sizes:
    """Sizes of the model that a side-car describes.

    Raises:
        CirqueError: its configuration lacks one.
    """
    try:
        return encoders.load(record["encoder"]).sizes(record["config"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        path = side_car(weights)
        raise CirqueError(
            f"{path}: its config has no sizes of a model ({type(error).__name__}: {error}); {provenance.cure(path)}"
        ) from error


def text_sizes(weights: Path, reader: str) -> tuple[int, int]:
    """Length of a feature and of a token embedding, of the side-car alone.

    Raises:
        CirqueError: the encoder has no text tower, which `reader` needs.
    """
    found = sizes(weights)
    if found.token_dim is None:
        raise CirqueError(f"{weights}: {reader} needs a text tower, which this encoder has not; take another backbone")
    return found.dim, found.token_dim


def load_images(weights: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> Encoder:
    """Load weights of any encoder and build the model that their side-car describes, frozen, for images alone.

    Args:
        weights: A safetensors file with its side-car beside it.
        device: Where the model computes.
        dtype: Of the model's weights and products.

    Raises:
        CirqueError: the file is missing, cut short or altered, or does not fit the model.
    """
    record = read_side_car(weights)
    return Encoder(**_of_images(weights, restore(weights, device, record).to(dtype), record))


def load(
    weights: Path, device: torch.device, reader: str = "this stage", dtype: torch.dtype = torch.float32
) -> Backbone:
    """Likewise for images and texts.

    Args:
        weights: A safetensors file with its side-car beside it.
        device: Where the model computes.
        reader: Who reads texts, for the message: the method or stage.
        dtype: Of the model's weights and products. What trains tokens leaves it at fp32 and gives `PackedEncoder` the
            type of the products.

    Raises:
        CirqueError: as of `load_images`; or the encoder has no text tower.
    """
    record = read_side_car(weights)
    found = _sizes(weights, record)
    if not reads_texts(record["encoder"]) or found.token_dim is None or found.context_length is None:
        with_texts = [name for name in ENCODERS.names() if reads_texts(name)]
        raise CirqueError(
            f"{weights}: the encoder {record['encoder']} reads images alone, but {reader} encodes texts with it; take a"
            f" backbone whose encoder has a text tower ({', '.join(with_texts)}), or a method that reads image features"
            " alone, such as image-only"
        )
    return Backbone(
        **_of_images(weights, restore(weights, device, record).to(dtype), record),
        tokenizer=text_reader(record["encoder"], record["config"]),
        token_dim=found.token_dim,
        context_length=found.context_length,
    )


def text_reader(encoder: str, config: dict[str, Any]) -> Any:
    """The tokenizer of an encoder's model.

    Args:
        encoder: a module of cirque.encoders that reads texts.
        config: of the model.
    """
    kind: Any = encoders.load(encoder)
    if takes_tokens(encoder):
        return kind.tokenizer(kind.sizes(config).context_length)
    return kind.text_reader(config)


def _of_images(weights: Path, model: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an `Encoder`."""
    found = _sizes(weights, record)
    return {
        "model": model,
        "name": record["model"],
        "dim": found.dim,
        "image_size": found.image_size,
        "mean": tuple(record["image_mean"]),
        "std": tuple(record["image_std"]),
    }


def restore(weights: Path, device: torch.device, record: Mapping[str, Any]) -> Any:
    """The model of a weights file, frozen.

    Args:
        weights: A safetensors file.
        device: Where the model computes.
        record: What its side-car says.

    Raises:
        CirqueError: the file is missing, cut short or altered, or does not fit the model.
    """
    tensors = _read_weights(weights, record["sha256"])
    kind: Any = encoders.load(record["encoder"])
    name, config = record["model"], record["config"]
    try:
        with undrawn():
            model = kind.build(name, config)
    except (CirqueError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        path = side_car(weights)
        raise CirqueError(
            f"{path}: describes a model that cannot be built ({error}); {provenance.cure(path)}"
        ) from error
    try:
        model.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        first = " ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise CirqueError(f"{weights}: does not fit the model {name} ({first})") from error
    return model.to(device).eval().requires_grad_(False)


def _read_weights(weights: Path, sha256: str) -> dict[str, Tensor]:
    provenance.read(weights)
    if not weights.is_file():
        raise CirqueError(f"{weights}: no such file; ask Snakemake for it (snakemake -c8 {weights})")
    if provenance.bytes_sha256(weights) != sha256:
        raise CirqueError(
            f"{weights}: cut short or altered, it is not the file that {side_car(weights).name} describes; delete it"
            " and run Snakemake again, which makes it anew"
        )
    try:
        return dict(load_file(weights))
    except (SafetensorError, OSError) as error:
        raise CirqueError(f"{weights}: no safetensors file ({error}); delete it and run Snakemake again") from error
