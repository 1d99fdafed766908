"""Backbones: open_clip models and their weights, the same way for a mini model and for the real CLIP.

    backbone = load(Path("weights.safetensors"), torch.device("cpu"))
    backbone.model.encode_image(images)  # [n, backbone.dim]

Weights are safetensors. The side-car beside them (`weights.json`) holds the whole open_clip configuration of the model,
so that loading needs neither a registry of names nor a network.
"""

import copy
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import CLIP
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cirque.errors import CirqueError
from cirque.store import files, provenance

#: Mean and deviation of the pixels, per channel, that CLIP was trained with.
MEAN: tuple[float, ...] = open_clip.OPENAI_DATASET_MEAN
STD: tuple[float, ...] = open_clip.OPENAI_DATASET_STD

#: What a side-car must say.
SIDE_CAR_KEYS = ("model", "config", "source", "tag", "quick_gelu", "sha256", "image_mean", "image_std")


@dataclass(frozen=True)
class Backbone:
    """A frozen CLIP and what a stage must know of it."""

    model: Any  # open_clip's CLIP, in eval mode, without gradients
    tokenizer: Callable[[str | list[str]], torch.Tensor]  # texts → ids [n, context_length]
    name: str  # open_clip's name of the model
    dim: int  # d: length of an image or text feature
    token_dim: int  # d_w: length of a token embedding
    image_size: int  # pixels
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    context_length: int  # tokens


# ---- names and configurations ---------------------------------------------------------------------------------------


def read_config(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The open_clip configuration of a model: of the project's folder if it is there, else of open_clip's own.

    Raises:
        CirqueError: no such model; the message names those that are nearly called so.
    """
    own = {path.stem: path for path in sorted(folder.glob("*.json"))} if folder is not None else {}
    if name in own:
        config = files.read_json(own[name])
        if not isinstance(config, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(config):
            raise CirqueError(f"{own[name]}: no open_clip configuration; it needs embed_dim, vision_cfg and text_cfg")
        return config
    config = open_clip.get_model_config(name)
    if config is None:
        known = [*own, *open_clip.list_models()]
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.4) or sorted(own)
        raise CirqueError(f"backbone: no model is called {name!r}; nearly so: {', '.join(near)}")
    return dict(config)


def create(name: str, config: dict[str, Any]) -> Any:
    """A new model, with random weights, of an open_clip configuration.

    Raises:
        CirqueError: its text tower is not CLIP's, so that no pseudo token can be put into it.
    """
    config = copy.deepcopy(config)
    foreign = {"hf_model_name", "hf_tokenizer_name", "tokenizer_kwargs"} & set(config["text_cfg"])
    if config.pop("custom_text", False) or "multimodal_cfg" in config or foreign:
        raise CirqueError(
            f"backbone {name}: its text tower or tokenizer is not CLIP's own; pseudo tokens need a plain CLIP model"
        )
    try:
        return CLIP(**config)
    except (TypeError, ValueError, AssertionError, ZeroDivisionError) as error:
        raise CirqueError(f"backbone {name}: open_clip cannot build this configuration ({error})") from error


# ---- weights --------------------------------------------------------------------------------------------------------


def side_car(weights: Path) -> Path:
    """The JSON file beside the weights."""
    return weights.with_suffix(".json")


def save(
    model: Any,
    weights: Path,
    *,
    name: str,
    config: dict[str, Any],
    source: str,
    tag: str | None = None,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    told: Mapping[str, Any] | None = None,
) -> None:
    """Write a model's weights as safetensors, and their side-car.

    Args:
        model: An open_clip CLIP.
        weights: Where to; the side-car has the same name and ends in .json.
        name: open_clip's name of the model.
        config: Its configuration.
        source: `trained`, `finetuned`, `random`, or where the weights were fetched from.
        tag: open_clip's tag of fetched weights.
        mean: Of the pixels, per channel, for normalisation.
        std: Likewise.
        told: What else the side-car shall say, such as how the weights were trained.
    """
    tensors = {key: value.detach().float().cpu().contiguous() for key, value in model.state_dict().items()}
    with files.atomic(weights) as partial:
        save_file(tensors, partial)
        partial.chmod(0o644)  # safetensors leaves it to its owner alone
    record = {
        "model": name,
        "config": config,
        "source": source,
        "tag": tag,
        "quick_gelu": bool(config.get("quick_gelu", False)),
        "sha256": provenance.sha256(weights),
        "image_mean": list(mean),
        "image_std": list(std),
        **(told or {}),
    }
    files.write_json(side_car(weights), record)


def _read_side_car(weights: Path) -> dict[str, Any]:
    path = side_car(weights)
    record = files.read_json(path)
    missing = [key for key in SIDE_CAR_KEYS if not isinstance(record, dict) or key not in record]
    if missing:
        raise CirqueError(f"{path}: lacks {', '.join(missing)}; make the weights anew with Snakemake")
    return dict(record)


def _read_weights(weights: Path, sha256: str) -> dict[str, torch.Tensor]:
    provenance.read(weights)
    if not weights.is_file():
        raise CirqueError(f"{weights}: no such file; ask Snakemake for it (snakemake -c8 {weights})")
    if provenance.sha256(weights) != sha256:
        raise CirqueError(
            f"{weights}: cut short or altered, it is not the file that {side_car(weights).name} describes; delete it"
            " and run Snakemake again, which makes it anew"
        )
    try:
        return dict(load_file(weights))
    except (SafetensorError, OSError) as error:
        raise CirqueError(f"{weights}: no safetensors file ({error}); delete it and run Snakemake again") from error


def load(weights: Path, device: torch.device, precision: str = "fp32") -> Backbone:
    """Load weights and build the model that their side-car describes, frozen.

    Args:
        weights: A safetensors file with its side-car beside it.
        device: Where the model shall live.
        precision: `fp32`, the only one that the stages use for features.

    Raises:
        CirqueError: the file is missing, cut short or altered, or does not fit the model; or the model's activation is
            not the one that the weights were trained with.
    """
    if precision != "fp32":
        raise CirqueError(f"precision: {precision!r} is not known; features are computed in fp32")
    model, record = restore(weights, device, create)
    return Backbone(
        model=model,
        tokenizer=open_clip.SimpleTokenizer(context_length=model.context_length),
        name=record["model"],
        dim=int(record["config"]["embed_dim"]),
        token_dim=int(model.token_embedding.embedding_dim),
        image_size=image_size(record["config"]),
        mean=tuple(record["image_mean"]),
        std=tuple(record["image_std"]),
        context_length=int(model.context_length),
    )


def restore(
    weights: Path, device: torch.device, build: Callable[[str, dict[str, Any]], Any]
) -> tuple[Any, dict[str, Any]]:
    """The model of a weights file, frozen, and what its side-car says.

    Args:
        weights: A safetensors file with its side-car beside it.
        device: Where the model shall live.
        build: Makes a model of a name and an open_clip configuration, as `create`.

    Raises:
        CirqueError: as of `load`.
    """
    record = _read_side_car(weights)
    name, config = record["model"], record["config"]
    refuse_other_activation(name, config, bool(record["quick_gelu"]), str(side_car(weights)))
    tensors = _read_weights(weights, record["sha256"])
    with torch.device("meta"):  # the random weights of a new model would only be thrown away
        model = build(name, config)
    try:
        model.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        problem = " ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise CirqueError(f"{weights}: does not fit the model {name} ({problem})") from error
    for part in model.modules():
        if getattr(part, "attn_mask", None) is not None:  # no weight, so that the file does not hold it
            part.attn_mask = _causal_mask(len(part.attn_mask))
    return model.to(device).eval().requires_grad_(False), record


def image_size(config: dict[str, Any]) -> int:
    """Side of the images that a model reads (pixels)."""
    return int(config["vision_cfg"].get("image_size", 224))


def _causal_mask(length: int) -> torch.Tensor:
    """Minus infinity above the diagonal, [length, length]."""
    return torch.full((length, length), float("-inf")).triu_(1)


def refuse_other_activation(name: str, config: dict[str, Any], trained_with: bool, where: str) -> None:
    """Refuse a model whose activation is not that of the weights: the features would be quietly wrong.

    Raises:
        CirqueError: one has QuickGELU, the other GELU; the message names the model to use.
    """
    if bool(config.get("quick_gelu", False)) == trained_with:
        return
    plain = name.removesuffix("-quickgelu")
    other = f"{plain}-quickgelu" if trained_with else plain
    has, needs = ("GELU", "QuickGELU") if trained_with else ("QuickGELU", "GELU")
    raise CirqueError(f"{where}: the weights were trained with {needs}, the model {name} has {has}; use {other}")


# ---- pretrained weights ---------------------------------------------------------------------------------------------


def fetch(
    name: str,
    tag: str,
    weights: Path,
    cache: Path | None = None,
    build: Callable[[str, dict[str, Any]], Any] = create,
) -> None:
    """Download the pretrained weights of a model and write them as safetensors, with their side-car.

    Args:
        name: open_clip's name of the model.
        tag: open_clip's tag of the weights.
        weights: Where to.
        cache: Folder for the downloaded file.
        build: Makes a model of a name and an open_clip configuration.

    Raises:
        CirqueError: no such model or tag, another activation, no network, or a file that does not fit the model.
    """
    config = read_config(name)
    pretrained = open_clip.get_pretrained_cfg(name, tag)
    if not pretrained:
        tags = open_clip.list_pretrained_tags_by_model(name)
        raise CirqueError(f"backbone {name}: no weights are tagged {tag!r}; there are {', '.join(tags) or 'none'}")
    refuse_other_activation(name, config, bool(pretrained.get("quick_gelu", False)), f"{name}, {tag}")
    source = str(pretrained.get("hf_hub") or pretrained.get("url"))
    model = build(name, config)
    try:
        checkpoint = open_clip.download_pretrained(pretrained, cache_dir=str(cache) if cache else None)
        open_clip.load_checkpoint(model, checkpoint, strict=True, weights_only=True)
    except Exception as error:  # a hub's library raises what it likes; the person needs the name and the cure
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CirqueError(f"backbone {name}, {tag}: could not be fetched from {source} ({first})") from error
    save(
        model,
        weights,
        name=name,
        config=config,
        source=source,
        tag=tag,
        mean=pretrained.get("mean") or MEAN,
        std=pretrained.get("std") or STD,
    )
