"""Where a file came from: the records of `cirque.store.provenance` as a tree, checked against the files.

Each stage leaves `OUTPUT.run.json` with its inputs' checksums. From a file this module follows the records to the first
inputs and says of each whether it is still what was read.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cirque.store import provenance

#: What became of a file since it was read or written.
SAME, CHANGED, MISSING = "same", "changed since", "missing"


@dataclass
class Node:
    """One file and the run that made it.

    Attributes:
        path: as the run wrote it.
        sha256: of what was read, or of what was written for the first file.
        state: whether the file is still that: SAME, CHANGED or MISSING.
        record: of the run that made it; None for what no stage made.
        code_is_todays: whether the stage's code is the one that ran; None without a record.
        inputs: what that run read.
        repeated: it stands above in the tree, with its inputs.
        left_out: inputs that say nothing about the traced figure.
    """

    path: str
    sha256: str
    state: str
    record: dict[str, Any] | None = None
    code_is_todays: bool | None = None
    inputs: list["Node"] = field(default_factory=list)
    repeated: bool = False
    left_out: int = 0

    def walk(self) -> Iterator["Node"]:
        """This node and all below it."""
        yield self
        for node in self.inputs:
            yield from node.walk()

    def as_json(self) -> dict[str, Any]:
        """The node as plain values, for a machine."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "state": self.state,
            "code_is_todays": self.code_is_todays,
            "repeated": self.repeated,
            "inputs_left_out": self.left_out,
            "run": None
            if self.record is None or self.repeated
            else {key: value for key, value in self.record.items() if key not in {"inputs", "output"}},
            "inputs": [node.as_json() for node in self.inputs],
        }


def trace(path: Path, concerns: Callable[[str], bool] = lambda path: True) -> Node:
    """Follow the records from a file to its first inputs.

    Args:
        path: a stage file.
        concerns: whether an input of the first run matters.
    """
    return _node(str(path), _written_as(path), {}, concerns)


def _written_as(path: Path) -> str:
    """Checksum of a file as its run wrote it; without a record, as it is."""
    record = provenance.read_record(path)
    return str(record["output"]["sha256"]) if record else provenance.sha256(path)


def _node(path: str, sha256: str, known: dict[str, Node], concerns: Callable[[str], bool]) -> Node:
    """The node of a file that was read with that checksum; `known` holds the files already in the tree."""
    file = Path(path)
    state = MISSING if not file.exists() else SAME if provenance.sha256(file) == sha256 else CHANGED
    if path in known:
        first = known[path]
        return Node(path, sha256, state, first.record, first.code_is_todays, repeated=first.record is not None)
    node = Node(path, sha256, state)
    known[path] = node
    record = provenance.read_record(file)
    if record is None:
        return node
    node.record = record
    node.code_is_todays = provenance.code_version(record["stage"], *record["found_by_name"]) == record["code_version"]
    inputs = [entry for entry in record["inputs"] if concerns(entry["path"])]
    node.left_out = len(record["inputs"]) - len(inputs)
    node.inputs = [_node(entry["path"], entry["sha256"], known, lambda path: True) for entry in inputs]
    return node


def settings(record: dict[str, Any]) -> dict[str, str]:
    """The flags of a run that are no files it read or wrote: hyper-parameters, seeds, names."""
    files = {entry["path"] for entry in record["inputs"]} | {record["output"]["path"]}
    flags: dict[str, list[str]] = {}
    name = ""
    for word in record["command"][4:]:
        if word.startswith("--"):
            name = word.removeprefix("--")
            flags[name] = []
        elif name:
            flags[name].append(word)
    # Of several parts in one command, a file's own.
    flags |= {name: [str(value)] for name, value in record.get("part", {}).items()}
    return {
        name: " ".join(values)
        for name, values in flags.items()
        if not any(value in files or _is_file(value) for value in values)
    }


def _is_file(value: str) -> bool:
    """Whether a flag's value is a path, such as a second output or a folder for work in progress."""
    return "/" in value and os.path.exists(value)  # a long text is no path, and Path would raise
