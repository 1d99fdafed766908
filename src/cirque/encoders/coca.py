"""CoCa: open_clip's captioner (Yu et al., 2022); as an encoder it is read for its images alone.

Its text tower appends a class token of its own, so that no pseudo token is put into it.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from cirque.encoders import Sizes, openclip
from cirque.encoders.imported import open_clip
from cirque.encoders.openclip import MEAN, STD, read_config
from cirque.errors import CirqueError

__all__ = ["MEAN", "STD", "build", "fetch", "read_config", "sizes"]


def sizes(config: dict[str, Any]) -> Sizes:
    """What an open_clip configuration says of images and features."""
    return replace(openclip.sizes(config), token_dim=None, context_length=None)


def build(name: str, config: dict[str, Any]) -> Any:
    """A CoCa with random weights of an open_clip configuration.

    Raises:
        CirqueError: it is another kind of model, or its tokenizer is not CLIP's.
    """
    config = copy.deepcopy(config)
    config.pop("custom_text", None)
    if "multimodal_cfg" not in config or {"hf_model_name", "hf_tokenizer_name"} & set(config["text_cfg"]):
        raise CirqueError(
            f"captioner {name}: no CoCa with CLIP's own tokenizer, so that it cannot caption; take coca_ViT-B-32 or the"
            " like"
        )
    try:
        model = openclip.build(open_clip.coca_model.CoCa, config)
    except (TypeError, ValueError, AssertionError, ZeroDivisionError) as error:
        raise CirqueError(f"captioner {name}: open_clip cannot build this configuration ({error})") from error
    projection = model.text_decoder.text_projection  # which open_clip leaves as the memory happens to be
    nn.init.normal_(projection, std=len(projection) ** -0.5)
    return model


def fetch(name: str, tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download released weights of open_clip; see `openclip.fetch`."""
    openclip.fetch("coca", name, tag, weights, cache)
