"""One self-contained page a benchmark: the queries on which two methods differ most, and what each of them found.

The page asks for nothing beyond itself, and its security policy would not let it: no network, no script but its own,
pictures only as data. The two methods stand in its address: `#methods=searle,image-text`.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cirque.report import layout, page
from cirque.report.gallery import Example, Gallery

#: Files of this package that the page is made of, besides its code.
PARTS = tuple(page.FOLDER / name for name in ("queries.html", "page.css", "queries.css", "queries.js"))

#: What a method is first compared with.
BASELINE = "image-text"


def render(gallery: Gallery, pictures: Mapping[str, bytes | None], settings: Mapping[str, Any]) -> str:
    """HTML page of a gallery.

    Args:
        gallery: of one benchmark.
        pictures: JPEG of each image, None where a file is no picture; none at all where names are to stand for them.
        settings: what `cirque.plan.jobs.table_settings` tells of the configuration: labels and comparability.
    """
    names = sorted(gallery.image_ids)
    places = {name: place for place, name in enumerate(names)}
    album = _Album()
    data = {
        "methods": [[method, settings["methods"][method]["label"]] for method in gallery.methods],
        "chosen": list(_default_pair(gallery)),
        "images": [[name, album.add(pictures.get(name))] for name in names],
        "pairs": [
            {"methods": methods, "counts": [pair.n_won, pair.n_lost, pair.n_equal], "won": pair.won, "lost": pair.lost}
            for methods, pair in gallery.pairs.items()
        ],
        "examples": [_example(example, places) for example in gallery.examples],
    }
    script = PARTS[3].read_text(encoding="utf-8")
    return page.template(PARTS[0].name).render(
        policy=policy(script),
        css=Markup("\n".join(part.read_text(encoding="utf-8") for part in PARTS[1:3])),
        script=Markup(script),
        name=layout.benchmark_name(settings["benchmarks"][gallery.benchmark]),
        backbone=settings["backbones"][gallery.backbone]["stands_for"],
        model=gallery.backbone,
        data=embedded(data),
        pictures=embedded(album.pictures),
        licensed=bool(album.pictures) and bool(settings["comparable"]),
    )


def policy(script: str) -> str:
    """Content security policy: the page's one script, style within it, pictures as data, and nothing from elsewhere."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Charts carry style attributes, which have no digest.
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def embedded(value: object) -> Markup:
    """A value as JSON that no reader of HTML takes for a tag, however hostile the texts in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


class _Album:
    """Every distinct picture of the page once, as base64."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self.pictures: list[str] = []

    def add(self, picture: bytes | None) -> int | None:
        """Place of a picture in the page, or None for no picture."""
        if picture is None:
            return None
        if picture not in self._places:
            self._places[picture] = len(self.pictures)
            self.pictures.append(base64.b64encode(picture).decode())
        return self._places[picture]


def _example(example: Example, places: Mapping[str, int]) -> dict[str, Any]:
    """A query as the script takes it: images by their place."""
    return {
        "id": example.query_id,
        "reference": places[example.reference_id],
        "captions": example.captions,
        "group": example.group,
        "candidates": example.n_candidates,
        "answers": {
            method: {"rank": answer.rank, "top": [[places[name], int(is_target)] for name, is_target in answer.top]}
            for method, answer in example.answers.items()
        },
    }


def _default_pair(gallery: Gallery) -> tuple[str, str]:
    """The methods compared first: the one that wins most, and Image + Text or, failing that, the next best."""
    balance = dict.fromkeys(gallery.methods, 0)
    for (one, other), pair in gallery.pairs.items():
        balance[one] += pair.n_won - pair.n_lost
        balance[other] += pair.n_lost - pair.n_won
    ordered = sorted(gallery.methods, key=lambda method: -balance[method])
    best = next(method for method in ordered if method != BASELINE)
    return best, BASELINE if BASELINE in ordered else next(method for method in ordered if method != best)
