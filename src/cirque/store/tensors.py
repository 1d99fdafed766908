"""What an unfinished job keeps: tensors and a few facts in one safetensors file, refused by name if it is not whole.

tensors.save(path, {"tokens": tokens}, {"step": 7})
stored, facts = tensors.load(path)
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from cirque.errors import CirqueError
from cirque.store import files

_FACTS, _SHA256 = "facts", "sha256"


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any] | None = None) -> None:
    """Write tensors, and what JSON can hold, with a checksum over all of them."""
    on_host = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    text = json.dumps(dict(facts or {}))
    content = safetensors.torch.save(on_host, {_FACTS: text, _SHA256: _digest(on_host, text)})
    with files.atomic(path) as partial:
        partial.write_bytes(content)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote.

    Raises:
        CirqueError: the file is cut short or altered.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            # Cloned, as values that lie elsewhere in memory may be summed in another order.
            tensors = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118  (no dictionary)
        text = metadata[_FACTS]
        if metadata[_SHA256] != _digest(tensors, text):
            raise CirqueError(_refusal(path, "its checksum is not the one that was written"))
        return tensors, json.loads(text)
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise CirqueError(_refusal(path, str(error))) from error


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()


def _refusal(path: Path, reason: str) -> str:
    return f"{path}: cut short or altered ({reason})"
