"""What a text of CSS says, read back; and, of many texts, those that ask for the same kind of thing as given ones.

parse("make brown sphere yellow")  # Modification("make", Description(colour="brown", shape="circle"), "yellow")
most_alike(["make brown sphere yellow"], texts)  # the first text that makes a shape of a colour another colour
"""

import re
from collections.abc import Callable, Sequence

from cirque.css import modifications
from cirque.css.grammar import CELLS, COLOURS, SOLIDS
from cirque.css.modifications import ANY_SHAPE, Description, Modification
from cirque.errors import CirqueError, listed

#: Names of shapes and sizes in a text, of the release or as the paper prints them, and what we call them.
_SHAPES = {**{name: name for name in SOLIDS}, **{solid: name for name, solid in SOLIDS.items()}, ANY_SHAPE: None}
_SIZES = {"small": "small", "large": "large", "big": "large"}

_CELL, _SIZE, _COLOUR, _SHAPE = ("|".join(names) for names in (CELLS, _SIZES, COLOURS, _SHAPES))

_TEXT = re.compile(
    rf"(?P<kind>{'|'.join(modifications.KINDS)})"
    rf"(?: (?P<cell>{_CELL}))?(?: (?P<size>{_SIZE}))?(?: (?P<colour>{_COLOUR}))? (?P<shape>{_SHAPE})"
    rf"(?: to (?P<place>{_CELL}))?(?: (?:(?P<new_colour>{_COLOUR})|(?P<new_size>{_SIZE})))?"
)


def parse(text: str) -> Modification | None:
    """The modification that a text states; None where it is no text of the grammar (`modifications.text`)."""
    found = _TEXT.fullmatch(" ".join(text.lower().split()))
    if found is None:
        return None
    said = found.groupdict()
    kind = next(known for known in modifications.KINDS if known == said["kind"])
    is_new = said["new_colour"] is not None or said["new_size"] is not None
    if is_new != (kind == "make") or (said["place"] and kind != "add") or (said["cell"] and kind == "add"):
        return None
    cell = said["place"] or said["cell"]
    described = Description(
        cell=None if cell is None else CELLS.index(cell),
        size=_SIZES.get(said["size"] or ""),
        colour=said["colour"],
        shape=_SHAPES[said["shape"]],
    )
    return Modification(kind, described, said["new_colour"], _SIZES.get(said["new_size"] or ""))


def _change(asked: Modification) -> tuple[object, ...]:
    """What a modification changes: add or remove objects, or make their colour or their size another."""
    return asked.kind, asked.new_colour is not None, asked.new_size is not None


def _parts(asked: Modification) -> tuple[object, ...]:
    """The same, and which parts of the objects' description are said."""
    target = asked.target
    return (*_change(asked), *(part is not None for part in (target.cell, target.size, target.colour, target.shape)))


#: When two modifications are alike, the strictest sense first.
_SENSES: Sequence[Callable[[Modification], object]] = (lambda asked: asked, _parts, _change)


def most_alike(wanted: Sequence[str], texts: Sequence[str]) -> list[int]:
    """Of each wanted text the number of one that is most alike; no text is taken twice.

    That is the first that says the same; if there is none, the first that says another value of each part; if there is
    none, the first that changes the same in objects described by other parts.

    Raises:
        CirqueError: a wanted text is none of the grammar, or nothing is like it.
    """
    read = {text: parse(text) for text in dict.fromkeys(texts)}
    found: list[int] = []
    for text in wanted:
        asked = parse(text)
        if asked is None:
            raise CirqueError(f"{text!r}: no text of CSS; write one such as 'make bottom-left red object blue'")
        alike = (
            other
            for sense in _SENSES
            for other, said in read.items()
            if said is not None and sense(said) == sense(asked) and other not in [texts[number] for number in found]
        )
        first = next(alike, None)
        if first is None:
            raise CirqueError(f"{text!r}: none of {len(texts):,} queries asks for such a change ({listed(list(read))})")
        found.append(list(texts).index(first))
    return found
