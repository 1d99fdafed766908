"""How files are changed: bytes, lines, values of JSON, and inside of containers whose checksums are then right again.

Each takes valid bytes and a stream of random numbers. hypothesis and atheris both draw from such a stream.
"""

import gzip
import io
import json
import lzma
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

#: Values that parsers like least.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    2**31,
    2**63,
    10**30,
    10**400,
    1.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\0",
    "..",
    "/",
    "../x",
    "\ud800",
    "é",
    "a" * 300,
    "💡",
    "1",
    "nan",
    [],
    [[]],
    [None],
    {},
    {"": None},
    [1, 2],
    [1.0, "a"],
    "\u2028",
    "\x85",
    "a\tb",
    "a\nb",
)

#: Bytes that end, separate or quote in some format.
_TOKENS = (
    b"",
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b'"',
    b",",
    b";",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"{",
    b"[",
    b"-1",
    b"9" * 20,
    b"9" * 5000,
    b"1e999",
    b"nan",
    b"..",
    b"/",
    b"\x1a",
    b"&a ",
    b"*a",
    b"!!python/object",
    b": ",
    b"2001-99-99",
)


def of_bytes(data: bytes, draw: random.Random) -> bytes:
    """Flip, cut, repeat, insert or exchange a few spans."""
    found = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        start = draw.randint(0, len(found))
        end = min(len(found), start + draw.choice((1, 1, 2, 4, 8, 64, 512)))
        way = draw.randint(0, 5)
        if way == 0 and end > start:
            found[start] ^= 1 << draw.randint(0, 7)
        elif way == 1:
            del found[start:end]
        elif way == 2:
            found[start:start] = found[start:end] * draw.randint(1, 3)
        elif way == 3:
            found[start:end] = draw.choice(_TOKENS)
        elif way == 4:
            found[start:end] = draw.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * (end - start)
        elif draw.randint(0, 9) == 0:
            del found[start:]
    return bytes(found)


def of_lines(data: bytes, draw: random.Random) -> bytes:
    """Drop, repeat or exchange lines and cells, or change bytes."""
    if draw.randint(0, 3) == 0:
        return of_bytes(data, draw)
    lines = data.split(b"\n")
    for _ in range(draw.randint(1, 3)):
        place, other = (draw.randrange(len(lines)) for _ in range(2))
        way = draw.randint(0, 4)
        if way == 0 and len(lines) > 1:
            del lines[place]
        elif way == 1:
            lines.insert(place, lines[other])
        elif way == 2:
            lines[place] = b""
        else:
            separator = draw.choice((b"\t", b" ", b",", b";", b"/"))
            cells = lines[place].split(separator)
            cells[draw.randrange(len(cells))] = draw.choice((*_TOKENS, draw.choice(lines[other].split(separator))))
            lines[place] = separator.join(cells)
    return b"\n".join(lines)


# ---- JSON ----------------------------------------------------------------------------------------------------------


def of_json(data: bytes, draw: random.Random) -> bytes:
    """Exchange, remove or repeat values of a JSON document; sometimes change its bytes."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return of_bytes(data, draw)
    if draw.randint(0, 5) == 0:
        return of_bytes(data, draw)
    for _ in range(draw.randint(1, 3)):
        content = _changed(content, draw)
    return json.dumps(content, ensure_ascii=draw.randint(0, 1) == 0).encode("utf-8", "surrogatepass")


def _changed(value: Any, draw: random.Random) -> Any:
    """A value of which something on a drawn path is another."""
    if not isinstance(value, dict | list) or not value or draw.randint(0, 6) == 0:
        return draw.choice(STRANGE)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, other = draw.choice(keys), draw.choice(keys)
    found = value.copy()
    way = draw.randint(0, 7)
    if way == 0:
        del found[key]
    elif way == 1:
        found[key] = value[other]
    elif way == 2 and isinstance(found, list):
        found.insert(key, value[other])
    elif way == 2 and isinstance(found, dict):
        found[draw.choice(("", "..", "\0", "a", "/", str(other)))] = value[key]
    else:
        found[key] = _changed(value[key], draw)
    return found


# ---- containers ----------------------------------------------------------------------------------------------------


def of_tar(data: bytes, draw: random.Random) -> bytes:
    """Change a plain tar; checksums of its headers are right afterwards."""
    found = bytearray(of_bytes(data, draw))
    if draw.randint(0, 1) and len(found) >= 512:  # most of all its headers
        block = 512 * draw.randrange(len(found) // 512)
        place = block + draw.choice((0, 100, 124, 124, 135, 156, 156, 157, 257, 263, 345, 386, 482))
        found[place : place + 1] = draw.choice(
            (b"0", b"7", b"1", b"2", b"5", b"L", b"K", b"x", b"g", b"S", b"\0", b"\x80", b"\xff", b"/", b".")
        )
    for block in range(0, len(found) - 511, 512):
        header = found[block : block + 512]
        if header[257:262] == b"ustar" and draw.randint(0, 15):
            header[148:156] = b" " * 8
            found[block + 148 : block + 156] = b"%06o\0 " % (sum(header) & 0o777777)
    return bytes(found)


def of_packed_tar(data: bytes, draw: random.Random) -> bytes:
    """Change a tar under gzip or xz, or its packing."""
    is_gzip = data.startswith(b"\x1f\x8b")
    try:
        plain = gzip.decompress(data) if is_gzip else lzma.decompress(data)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):  # changed before
        return of_bytes(data, draw)
    if draw.randint(0, 2) == 0:
        return of_bytes(data, draw)
    changed = of_tar(plain, draw)
    return gzip.compress(changed, 1, mtime=0) if is_gzip else lzma.compress(changed, preset=0)


def of_zip(inside: Mutation = of_bytes) -> Mutation:
    """Change members of a zip, which keeps its form, or its bytes."""

    def mutate(data: bytes, draw: random.Random) -> bytes:
        if draw.randint(0, 2) == 0:
            return of_bytes(data, draw)
        out = io.BytesIO()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as after:
                names = before.namelist()
                changed = draw.choice(names)
                for name in names:
                    content = before.read(name)
                    after.writestr(zipfile.ZipInfo(name), inside(content, draw) if name == changed else content)
        except Exception:  # of a file that was changed before
            return of_bytes(data, draw)
        return out.getvalue()

    return mutate


def of_safetensors(data: bytes, draw: random.Random) -> bytes:
    """Change the header, whose length is right afterwards, or any bytes."""
    if len(data) < 8 or draw.randint(0, 2) == 0:
        return of_bytes(data, draw)
    (length,) = struct.unpack("<Q", data[:8])
    header = of_json(data[8 : 8 + length], draw)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]
