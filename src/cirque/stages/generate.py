"""Generate a data set of the mini world in its official layout."""

from pathlib import Path
from typing import Any

from cirque.families import GENERATORS

FAMILY = GENERATORS


def main(generator: str, *, data_root: Path, **inputs: Any) -> None:
    """Write its files below the data root.

    Args:
        generator: Module of cirque.mini.generators.
        data_root: Folder of the generated data.
        **inputs: What the generator reads by name: keys of the configuration's section `world`.
    """
    GENERATORS.load(generator).generate(data_root=data_root, **inputs)
