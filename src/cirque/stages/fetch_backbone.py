"""Fetch released weights, for CLIP through open_clip, or take them from a file at hand; keep them as safetensors."""

import os
from pathlib import Path
from typing import Any

from cirque import encoders
from cirque.errors import CirqueError
from cirque.families import ENCODERS
from cirque.store import provenance


def main(
    *,
    model: str,
    encoder: str = "clip",
    tag: str,
    weights: Path,
    file: Path | None = None,
    sha256: str | None = None,
    cache: Path | None = None,
) -> None:
    """Download the weights of a model, or read those of a file at hand, and write them with their side-car.

    Args:
        model: Name of the model, for example ViT-B-32-quickgelu.
        encoder: Kind of the model: a module of cirque.encoders.
        tag: Tag of the weights, for example openai.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        file: A file that holds the release, so that nothing is fetched.
        sha256: Checksum of that file; required with it.
        cache: Folder for the downloaded file; the library's own if not given.
    """
    if file is not None:
        _refuse_another_file(file, sha256)
        definition: Any = encoders.load(encoder)
        if not hasattr(definition, "take_over"):
            raise CirqueError(
                f"encoder {encoder}: reads no file at hand (no function take_over in {ENCODERS.module(encoder)}); leave"
                " `file` out"
            )
        definition.take_over(model, tag, file, weights)
        return
    os.environ["HF_HUB_OFFLINE"] = "0"  # the one stage that may ask a hub; read when its library is imported
    definition = encoders.load(encoder)
    if not hasattr(definition, "fetch"):
        raise CirqueError(
            f"encoder {encoder}: has no released weights (no function fetch in {ENCODERS.module(encoder)}); give"
            " the backbone another source, such as random"
        )
    definition.fetch(model, tag, weights, cache)


def _refuse_another_file(file: Path, sha256: str | None) -> None:
    """Refuse a file at hand that is missing or not the one that is meant."""
    if not file.is_file():
        raise CirqueError(f"{file}: no such file; it should hold the backbone's weights")
    found = provenance.bytes_sha256(file)
    if found != sha256:
        raise CirqueError(
            f"{file}: has the sha256 {found} instead of {sha256}; correct `sha256` of the backbone's weights in the"
            " configuration if this is the file that is meant"
        )
