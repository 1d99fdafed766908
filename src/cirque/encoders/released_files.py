"""Weights in files of others, told apart by content: safetensors, checkpoints of torch.save, OpenAI's archives."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from cirque.errors import CirqueError
from cirque.store import provenance

#: What OpenAI's archives hold beside the weights, and what a wrapper for several devices puts before their names.
_SIZES_IN_ARCHIVE, _PARALLEL = ("input_resolution", "context_length", "vocab_size"), "module."


def state(file: Path) -> dict[str, Any]:
    """Weights in a file of any of the formats in which releases come; no code in it is run.

    Raises:
        CirqueError: it is missing or of no such format.
    """
    provenance.read(file)
    if not file.is_file():
        raise CirqueError(f"{file}: no such file; it should hold the backbone's weights")
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                is_script = any("/code/" in name for name in archive.namelist())
            stored = (
                torch.jit.load(file, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
                if is_script
                else torch.load(file, map_location="cpu", weights_only=True)
            )
        else:
            stored = load_file(file)
    except Exception as error:  # a cut or foreign file fails in many ways
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CirqueError(
            f"{file}: holds no weights that can be read ({first}); give safetensors, a checkpoint of torch.save, or"
            " OpenAI's archive, whole"
        ) from error
    found = stored.get("state_dict", stored)
    return {
        name.removeprefix(_PARALLEL): value
        for name, value in found.items()
        if name.removeprefix(_PARALLEL) not in _SIZES_IN_ARCHIVE
    }
