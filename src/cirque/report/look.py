"""Some queries as a page: the reference, the words, and what each method found, ground truths outlined."""

import base64
from collections.abc import Mapping, Sequence

from cirque.report import page
from cirque.report.gallery import Example


def render(
    title: str,
    about: str,
    examples: Sequence[Example],
    labels: Mapping[str, str],
    pictures: Mapping[str, bytes | None],
) -> str:
    """One self-contained HTML page, without a script.

    Args:
        title: of the page.
        about: a line below it.
        examples: the queries, each with the answers of the methods.
        labels: of the methods.
        pictures: JPEG of each image; None where a file is no picture, whose name then stands in its place.
    """
    return page.template("look.html").render(
        title=title,
        about=about,
        examples=examples,
        labels=labels,
        css=page.PARTS[1].read_text(encoding="utf-8"),
        pictures={
            name: f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" for name, data in pictures.items() if data
        },
    )
