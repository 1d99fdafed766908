"""What open_clip knows of its models: names, configurations and released weights, for CLIP and CoCa alike."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cirque import encoders
from cirque.encoders import backbones, released_files
from cirque.encoders.imported import open_clip, with_timm
from cirque.errors import CirqueError
from cirque.store import files

#: Mean and deviation of the pixels, per channel, that CLIP was trained with.
MEAN: Sequence[float] = open_clip.OPENAI_DATASET_MEAN
STD: Sequence[float] = open_clip.OPENAI_DATASET_STD


def build(model: Any, config: dict[str, Any]) -> Any:
    """A model of open_clip's, with the image towers of timm where the configuration names one."""
    if config.get("vision_cfg", {}).get("timm_model_name"):
        with_timm()
    return model(**config)


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
    # open_clip takes `hf-hub:` and `local-dir:` for a place to read a configuration from.
    config = None if ":" in name else open_clip.get_model_config(name)
    if config is None:
        known = [*own, *open_clip.list_models()]
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.4) or sorted(own)
        raise CirqueError(f"backbone: no model is called {name!r}; nearly so: {', '.join(near)}")
    return dict(config)


def sizes(config: dict[str, Any]) -> encoders.Sizes:
    """What an open_clip configuration says of inputs and outputs, its text tower's among them."""
    text = config["text_cfg"]
    return encoders.Sizes(
        dim=int(config["embed_dim"]),
        image_size=int(config["vision_cfg"].get("image_size", 224)),
        token_dim=int(text.get("width", open_clip.CLIPTextCfg.width)),
        context_length=int(text.get("context_length", open_clip.CLIPTextCfg.context_length)),
    )


def refuse_other_activation(name: str, config: dict[str, Any], trained_with: bool, source: str) -> None:
    """Refuse a model whose activation is not that of the weights: the features would be quietly wrong.

    Args:
        name: open_clip's name of the model.
        config: its configuration.
        trained_with: whether the weights were trained with QuickGELU.
        source: of the weights, for the message.

    Raises:
        CirqueError: one has QuickGELU, the other GELU; the message names the model to use.
    """
    if bool(config.get("quick_gelu", False)) == trained_with:
        return
    plain = name.removesuffix("-quickgelu")
    other = f"{plain}-quickgelu" if trained_with else plain
    has, needs = ("GELU", "QuickGELU") if trained_with else ("QuickGELU", "GELU")
    raise CirqueError(f"{source}: the weights were trained with {needs}, the model {name} has {has}; use {other}")


def fetch(encoder: str, name: str, tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download the released weights of a model and write them as safetensors, with their side-car.

    Args:
        encoder: kind of the model, `clip` or `coca`.
        name: open_clip's name of the model.
        tag: open_clip's tag of the weights.
        weights: Where to.
        cache: Folder for the downloaded file.

    Raises:
        CirqueError: no such model or tag, another activation, no network, or a file that does not fit the model.
    """
    config, pretrained = _release(name, tag)
    source = str(pretrained.get("hf_hub") or pretrained.get("url"))
    model = encoders.load(encoder).build(name, config)
    try:
        checkpoint = open_clip.download_pretrained(pretrained, cache_dir=str(cache) if cache else None)
        open_clip.load_checkpoint(model, checkpoint, strict=True, weights_only=True)
    except Exception as error:  # a hub's library raises what it likes; the person needs the name and the cure
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CirqueError(f"backbone {name}, {tag}: could not be fetched from {source} ({first})") from error
    _keep(model, weights, pretrained, encoder=encoder, name=name, tag=tag, config=config, source=source)


def take_over(encoder: str, name: str, tag: str, file: Path, weights: Path) -> None:
    """Write the weights of a release that lie in a file at hand as safetensors, with their side-car.

    Args:
        encoder: kind of the model, `clip` or `coca`.
        name: open_clip's name of the model.
        tag: open_clip's tag of the release that the file holds: it says activation, mean and deviation.
        file: safetensors, a checkpoint of torch.save, or OpenAI's TorchScript archive; told apart by their content.
        weights: Where to.

    Raises:
        CirqueError: no such model or tag, another activation, or a file that does not fit the model.
    """
    config, pretrained = _release(name, tag)
    state = released_files.state(file)
    model = encoders.load(encoder).build(name, config)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        first = " ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise CirqueError(f"{file}: does not fit the model {name} ({first})") from error
    _keep(model, weights, pretrained, encoder=encoder, name=name, tag=tag, config=config, source=file.name)


def _release(name: str, tag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configuration of a model, and what open_clip knows of one of its releases."""
    config = read_config(name)
    pretrained = open_clip.get_pretrained_cfg(name, tag)
    if not pretrained:
        tags = open_clip.list_pretrained_tags_by_model(name)
        raise CirqueError(f"backbone {name}: no weights are tagged {tag!r}; there are {', '.join(tags) or 'none'}")
    refuse_other_activation(name, config, bool(pretrained.get("quick_gelu", False)), f"{name}, {tag}")
    return config, pretrained


def _keep(model: Any, weights: Path, pretrained: Mapping[str, Any], **described: Any) -> None:
    """Write a release's weights and their side-car."""
    mean, std = (pretrained.get(key) for key in ("mean", "std"))
    backbones.save(model, weights, seed=backbones.RELEASED, mean=mean, std=std, **described)
