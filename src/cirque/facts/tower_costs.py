"""What the two towers of a CLIP model cost: layers, width, tokens, and how fast they are here (LinCIR Table 2).

shape("visual encoder", config)  # layers, hidden_dim; tokens of an image
throughput(lambda: backbone.model.encode_image(images), 32, seconds=1.0)
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError

#: The towers as LinCIR's Table 2 prints them, and the data that it measures each on.
VISUAL, TEXTUAL = "visual encoder", "textual encoder"
DATASETS = {VISUAL: "COCO", TEXTUAL: "CC3M captions"}

#: How the table prints the model.
ROW = "CLIP"

#: Sections of an open_clip configuration.
_SECTIONS = {VISUAL: "vision_cfg", TEXTUAL: "text_cfg"}


def shape(tower: str, config: Mapping[str, Any], name: str) -> dict[str, int]:
    """Transformer blocks (`layers`) and width of the residual stream (`hidden_dim`) of a tower.

    Args:
        tower: VISUAL or TEXTUAL.
        config: open_clip configuration of the model.
        name: of the backbone, for messages.

    Raises:
        CirqueError: the tower is no transformer.
    """
    section = config[_SECTIONS[tower]]
    layers, width = section.get("layers"), section.get("width")
    if not isinstance(layers, int) or not isinstance(width, int):
        raise CirqueError(
            f"backbone {name}: layers {layers!r} and width {width!r} of its {tower} are not those of a transformer;"
            " leave it out of this table"
        )
    return {"layers": layers, "hidden_dim": width}


def patches(config: Mapping[str, Any], name: str) -> int:
    """Tokens of an image: its patches, without the class token.

    Raises:
        CirqueError: the images are not square or the patches have no size.
    """
    section = config["vision_cfg"]
    size, patch = section.get("image_size", 224), section.get("patch_size")
    if not isinstance(size, int) or not isinstance(patch, int) or patch < 1:
        raise CirqueError(
            f"backbone {name}: image_size {size!r} and patch_size {patch!r} give no number of patches; leave it out of"
            " this table"
        )
    return (size // patch) ** 2


def count_tokens(backbone: Backbone, captions: Sequence[str]) -> int:
    """Tokens of some captions, start and end of each among them, as the text tower reads them."""
    return sum(map(len, text.tokenize(backbone, captions, truncate=True)))


def throughput(run: Callable[[], object], n_items: int, seconds: float) -> float:
    """Items a second over as many whole calls as fit into the time, at least one, after one to warm up.

    Args:
        run: encodes the items and waits for the result.
        n_items: encoded by a call.
        seconds: to measure for.
    """
    run()
    n_calls, start = 0, time.perf_counter()
    while not n_calls or time.perf_counter() - start < seconds:
        run()
        n_calls += 1
    return n_calls * n_items / (time.perf_counter() - start)
