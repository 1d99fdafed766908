"""CSS's scenes: the release's pickle, which stand-ins take apart, and our JSON."""

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from cirque.css import making, release
from tests.fuzz import mutations
from tests.fuzz.harness import Target


def _content(folder: Path) -> dict[str, Any]:
    splits = {name: making.make(1, name, "release", 3, 3) for name in ("train", "test")}
    release.write(folder / "made.json", splits)
    content: dict[str, Any] = json.loads((folder / "made.json").read_text())
    (folder / "made.json").unlink()
    return content


def _pickles(folder: Path) -> list[bytes]:
    content = _content(folder)
    with_array = {**content, "test": {**content["test"], "labels": np.array(content["test"]["labels"])}}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    found = []
    for value, protocol in ((content, 3), (content, 4), (with_array, 4)):
        array = np.empty((), dtype=object)
        array[()] = value
        found.append(header.getvalue() + pickle.dumps(array, protocol))
    return found


TARGETS = [
    Target("css_pickle", "css_toy_dataset.npy", _pickles, release.read),
    Target(
        "css_scenes",
        "css_scenes.json",
        lambda folder: [json.dumps(_content(folder)).encode()],
        release.read,
        mutations.of_json,
    ),
]
