"""Keep what a table says about its configuration beside it."""

import json
from pathlib import Path

from cirque.store.files import write_json


def main(*, settings: str, output: Path) -> None:
    """Write the settings, given as JSON on the command line, to `output`."""
    write_json(output, json.loads(settings))
