"""CLIP: open_clip's models with CLIP's own text tower, into which pseudo tokens can be put (Radford et al., 2021)."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from cirque.encoders import openclip
from cirque.encoders.imported import open_clip
from cirque.encoders.openclip import MEAN, STD, read_config, sizes
from cirque.errors import CirqueError

__all__ = ["MEAN", "STD", "build", "fetch", "read_config", "sizes", "take_over", "tokenizer"]


def build(name: str, config: dict[str, Any]) -> Any:
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
        return openclip.build(open_clip.model.CLIP, config)
    except (TypeError, ValueError, AssertionError, ZeroDivisionError) as error:
        raise CirqueError(f"backbone {name}: open_clip cannot build this configuration ({error})") from error


def tokenizer(context_length: int) -> Callable[[str | list[str]], torch.Tensor]:
    """CLIP's tokenizer: texts → ids [n, context_length]."""
    made: Callable[[str | list[str]], torch.Tensor] = open_clip.SimpleTokenizer(context_length=context_length)
    return made


def fetch(name: str, tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download released weights of open_clip; see `openclip.fetch`."""
    openclip.fetch("clip", name, tag, weights, cache)


def take_over(name: str, tag: str, file: Path, weights: Path) -> None:
    """Take released weights from a file at hand; see `openclip.take_over`."""
    openclip.take_over("clip", name, tag, file, weights)
