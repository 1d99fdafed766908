"""Official lists in plain text: numbered lines, or one sentence about what is wrong with the file.

for number, line in text_lines.read(source, "docs/data.md#mitstates"): …
"""

from pathlib import Path

from cirque.data.image_lists import lines_without_blank_end
from cirque.errors import CirqueError
from cirque.store import provenance


def read(source: Path, docs: str) -> list[tuple[int, str]]:
    r"""Lines with their numbers from 1, without line ends; blank ones at the end are no lines.

    Only \n ends a line: a caption may hold what Python counts as line ends beside it.

    Args:
        source: a UTF-8 file.
        docs: where the person learns how to get it.

    Raises:
        CirqueError: it is missing, cannot be read, is not UTF-8 or has no line.
    """
    provenance.read(source)
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise CirqueError(f"{source}: no such file; see {docs}") from error
    except OSError as error:
        raise CirqueError(f"{source}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{source}: byte {error.start} is not UTF-8; get the official file again ({docs})") from error
    numbered = enumerate((line.rstrip("\r") for line in text.split("\n")), start=1)
    lines = list(lines_without_blank_end(numbered))
    if not lines:
        raise CirqueError(f"{source}: expected at least one line; get the official file again ({docs})")
    return lines
