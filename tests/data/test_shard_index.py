"""Images of shards by number: the same as a reading from front to back, and as strict."""

from pathlib import Path

import pytest

from cirque.data import shards
from cirque.data.shard_index import ShardIndex
from cirque.errors import CirqueError


@pytest.fixture
def rows(tmp_path: Path) -> list[dict]:
    """Seven images of several kinds in three shards."""
    images = []
    for i in range(7):
        path = tmp_path / f"set/picture.{i}.{('png', 'JPEG', 'jpg')[i % 3]}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes([i]) * (100 + 400 * i))
        images.append((f"picture-{i}", path.relative_to(tmp_path).as_posix()))
    return shards.assign(images, "cc3m", 3)


@pytest.fixture
def paths(tmp_path: Path, rows: list[dict]) -> list[Path]:
    found = []
    for shard in range(3):
        found.append(tmp_path / f"{shard:05d}.tar")
        shards.write_shard(found[-1], shards.rows_of(rows, shard, Path("images.parquet")), tmp_path)
    return found


def test_a_look_up_gives_what_a_reading_from_front_to_back_gives(paths: list[Path], rows: list[dict]):
    index = ShardIndex(paths[::-1], rows)  # in whatever order they are given
    read = [
        sample
        for number, path in enumerate(paths)
        for sample in shards.read_shard(path, shards.rows_of(rows, number, Path("images.parquet")))
    ]
    assert len(index) == 7
    assert [index.sample(number) for number in (6, 0, 3)] == [read[number] for number in (6, 0, 3)]


def test_an_altered_image_is_refused_when_it_is_looked_up(paths: list[Path], rows: list[dict]):
    data = bytearray(paths[1].read_bytes())
    place = data.index(bytes([4]) * 100)
    data[place] = 0
    paths[1].write_bytes(bytes(data))
    index = ShardIndex(paths, rows)
    assert index.sample(3).image_id == "picture-3"
    with pytest.raises(CirqueError, match=r"00001\.tar: .*picture-4.*altered: delete it and run Snakemake again"):
        index.sample(4)


def test_a_cut_a_missing_and_a_foreign_shard_are_refused_at_once(paths: list[Path], rows: list[dict]):
    with pytest.raises(CirqueError, match=r"1 are missing \(first: 00002\.tar\)"):
        ShardIndex(paths[:2], rows)
    with pytest.raises(CirqueError, match=r"00002\.tar: holds cc3m-000000006\.\w+, which belongs to none"):
        ShardIndex(paths, rows[:6])
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CirqueError, match=r"00000\.tar: .*cut short or altered"):
        ShardIndex(paths, rows)
    paths[0].unlink()
    with pytest.raises(CirqueError, match=r"00000\.tar: no such shard"):
        ShardIndex(paths, rows)


def test_a_member_beyond_any_file_is_refused(paths: list[Path], rows: list[dict]):
    data = bytearray(paths[0].read_bytes())
    data[124:136] = b"\x80" + b"\x7f" * 11  # the size of the first member, in base 256
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    paths[0].write_bytes(data)
    with pytest.raises(CirqueError, match=r"00000\.tar: cannot be read"):
        ShardIndex(paths, rows)
