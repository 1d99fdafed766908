"""Shards, read from front to back and by number, and the tars of pictures of others."""

import io
import json
import random
import tarfile
from pathlib import Path

from cirque.data import image_lists, image_tars, shards
from cirque.data.shard_index import ShardIndex
from tests.fuzz import mutations
from tests.fuzz.harness import Target

_PICTURES = {f"{number}.jpg": random.Random(number).randbytes(200 + number) for number in range(3)}
_ROWS = shards.assign([(name, f"set/{name}") for name in _PICTURES], "set", 10)


def _shards(folder: Path) -> list[bytes]:
    root = folder / "pictures"
    (root / "set").mkdir(parents=True)
    for name, data in _PICTURES.items():
        (root / "set" / name).write_bytes(data)
    shards.write_shard(folder / "00000.tar", _ROWS, root)
    return [(folder / "00000.tar").read_bytes()]


def _read_shard(file: Path) -> None:
    found = {sample.image_id: sample.data for sample in shards.read_shard(file, _ROWS)}
    assert found == _PICTURES  # one that differs has another checksum


def _look_up(file: Path) -> None:
    index = ShardIndex([file], _ROWS)
    for number, (name, data) in enumerate(_PICTURES.items()):
        sample = index.sample(number)
        assert (sample.image_id, sample.data) == (name, data)


def _of_img2dataset(folder: Path) -> list[bytes]:
    found = []
    for with_text in (True, False):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for key in ("000000001", "000000002"):
                texts = {"txt": b"a cat \xc3\xa9"} if with_text else {"json": json.dumps({"caption": "a dog"}).encode()}
                for ending, data in {"jpg": b"picture", **texts}.items():
                    info = tarfile.TarInfo(f"{key}.{ending}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
        found.append(out.getvalue())
    return found


def _list_tars(file: Path) -> None:
    root = file.parents[2]
    image_tars._members.cache_clear()  # it asks for times of change, which are coarser than runs are fast
    output = root / "out" / "list.csv"
    n_images = image_lists.write_of_tars(output, "cc3m/cc_data", root, "docs/data.md#cc3m")
    listed = image_lists.read(output, "cc3m/cc_data", "docs/data.md#cc3m")
    assert len(listed) == n_images
    for path, _ in listed:
        image_tars.read(root, f"cc3m/{path}")


TARGETS = [
    Target("shard", "00000.tar", _shards, _read_shard, mutations.of_tar),
    Target("shard_index", "00000.tar", _shards, _look_up, mutations.of_tar),
    Target("image_tar", "cc3m/cc_data/00000.tar", _of_img2dataset, _list_tars, mutations.of_tar),
]
