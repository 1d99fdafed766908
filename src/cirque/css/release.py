"""Scenes and modifications of CSS on disk: the release's file, and the JSON of the same structure that we write.

Both hold `{"train": {"objects_img": …, "mods": …, "labels": …}, "test": …}`. `objects_img` lists the objects of each
image: `shape`, `color`, `size` and `pos`, row and column of its centre as fractions of the picture. A modification has
a text `to_str` and two lists of images as long as each other, `from` and `to`. Images of one label show one scene.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cirque.css import blobs, grammar
from cirque.css.grammar import CELLS, Object, Scene
from cirque.css.modifications import Modification
from cirque.data import annotations as records
from cirque.errors import CirqueError
from cirque.store import files, unpickling

DOCS = "docs/data.md#css"

#: Half of an object's side as a fraction of the picture (TIRG's code: 4 and 8 of 64 pixels).
HALF_SIZES = {size: half / blobs.SIDE for size, half in blobs.HALF.items()}


#: Where no centre lies: JSON writes numbers of any length, of which Python makes no fraction.
FAR = 1e6


@dataclass(frozen=True)
class Asked:
    """One modification and the images that it is asked of.

    Attributes:
        text: what is asked.
        sources: numbers of the references.
        targets: number of what each reference becomes.
        modification: what the text says; None where it was read from a file.
    """

    text: str
    sources: list[int]
    targets: list[int]
    modification: Modification | None = None


@dataclass(frozen=True)
class Split:
    """Half of the data set.

    Attributes:
        images: the objects of each image.
        asked: the modifications.
        labels: of each image; those of one label show one scene.
    """

    images: list[Scene]
    asked: list[Asked]
    labels: list[int]


# ---- writing -------------------------------------------------------------------------------------------------------


def write(path: Path, splits: Mapping[str, Split]) -> None:
    """Write both splits as JSON.

    Raises:
        CirqueError: the file cannot be written.
    """
    files.write_json(path, {name: _told(split) for name, split in splits.items()}, indent=None)


def _told(split: Split) -> dict[str, Any]:
    scenes = [
        [{"shape": o.shape, "color": o.colour, "size": o.size, "pos": list(o.pos)} for o in scene]
        for scene in split.images
    ]
    return {"objects_img": scenes, "mods": [_mod(asked) for asked in split.asked], "labels": split.labels}


def _mod(asked: Asked) -> dict[str, Any]:
    """A modification with the fields that the release has too."""
    told: dict[str, Any] = {"to_str": asked.text, "from": asked.sources, "to": asked.targets}
    made = asked.modification
    if made is None:
        return told
    return {
        "type": made.kind,
        "str": asked.text,
        **told,
        "target_shape": made.target.shape,
        "target_color": made.target.colour,
        "target_size": made.target.size,
        "target_pos": None if made.target.cell is None else CELLS[made.target.cell],
        "make_new_color": made.new_colour,
        "make_new_size": made.new_size,
    }


# ---- reading -------------------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, Split]:
    """Both splits of a file of ours (JSON) or of the release (`.npy`).

    Raises:
        CirqueError: the file is missing, or a record is not what the data set may hold; the message names it.
    """
    if path.suffix == ".npy":
        content = unpickling.read_npy(path, DOCS)
    elif path.is_file():
        content = files.read_json(path)
    else:
        raise CirqueError(f"{path}: no such file; see {DOCS}")
    return {name: _split(f"{path}: {name}", _of(str(path), content, name, dict)) for name in grammar.SPLITS}


def _of(where: str, record: object, key: str, kind: type) -> Any:
    return records.field(where, record, key, kind, DOCS)


def _split(where: str, content: dict[str, Any]) -> Split:
    scenes = _of(where, content, "objects_img", list)
    images = [_scene(f"{where}: image {number}", objects) for number, objects in enumerate(scenes)]
    labels = list(range(len(images))) if "labels" not in content else _of(where, content, "labels", list)
    if len(labels) != len(images) or not all(type(label) is int for label in labels):
        raise CirqueError(
            f"{where}: expected a whole number as the label of each of {len(images):,} images, found"
            f" {len(labels):,} labels; get the file again ({DOCS})"
        )
    mods = _of(where, content, "mods", list)
    asked = [_asked(f"{where}: modification {number}", mod, len(images)) for number, mod in enumerate(mods)]
    if not asked:
        raise CirqueError(f"{where}: has no modifications; get the file again ({DOCS})")
    return Split(images, asked, labels)


def _scene(where: str, objects: object) -> Scene:
    if not isinstance(objects, list):
        raise CirqueError(f"{where}: expected a list of objects, found {objects!r:.80}; get the file again ({DOCS})")
    scene = tuple(_object(f"{where}: object {number}", record) for number, record in enumerate(objects))
    if len({item.cell for item in scene}) < len(scene):
        raise CirqueError(f"{where}: has two objects in one cell; put them apart ({DOCS})")
    return scene


def _object(where: str, record: object) -> Object:
    values = {}
    for key, known in (("shape", grammar.SHAPES), ("color", grammar.COLOURS), ("size", grammar.SIZES)):
        values[key] = _of(where, record, key, str)
        if values[key] not in known:
            raise CirqueError(f"{where}: {key} is {values[key]!r:.40}, none of {', '.join(known)}; correct it ({DOCS})")
    pos = _of(where, record, "pos", list)
    if len(pos) != 2 or not all(type(side) in (int, float) and abs(side) < FAR for side in pos):
        raise CirqueError(f"{where}: pos must be two numbers, row and column, found {pos!r:.80}; correct it ({DOCS})")
    half = HALF_SIZES[values["size"]]
    if not all(half <= side <= 1 - half for side in pos):
        raise CirqueError(
            f"{where}: at {pos!r:.80} a {values['size']} object would cross the border of the picture; its centre must"
            f" lie between {half} and {1 - half}: correct it ({DOCS})"
        )
    return Object(values["shape"], values["color"], values["size"], (float(pos[0]), float(pos[1])))


def _asked(where: str, mod: object, n_images: int) -> Asked:
    text = " ".join(_of(where, mod, "to_str", str).split())
    if not any(letter.isascii() and letter.isalnum() for letter in text):
        raise CirqueError(f"{where}: to_str is {text!r:.40}, which has no word; give it a text ({DOCS})")
    sources, targets = (_of(where, mod, key, list) for key in ("from", "to"))
    if not sources or len(sources) != len(targets):
        raise CirqueError(
            f"{where}: from lists {len(sources)} images and to {len(targets)}; it must be as many, and one at least:"
            f" get the file again ({DOCS})"
        )
    for number in (*sources, *targets):
        if type(number) is not int or not 0 <= number < n_images:
            raise CirqueError(
                f"{where}: names image {number!r:.40}, but there are only 0 to {n_images - 1}; get the file again"
                f" ({DOCS})"
            )
    return Asked(text, sources, targets)
