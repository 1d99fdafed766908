import io
import json
import os
import tarfile
from pathlib import Path

import pytest
import webdataset
from hypothesis import given, settings
from hypothesis import strategies as st

from cirque.data.shards import Sample, assign, extension, read_shard, require_files, rows_of, write_shard
from cirque.errors import CirqueError

NAMES = st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=60)


def image_files(root: Path, n: int) -> list[tuple[str, str]]:
    """n small files of different bytes and kinds under `root`."""
    images = []
    for i in range(n):
        path = root / f"set/{i % 3}/picture.{i}.{('png', 'JPEG', 'jpg')[i % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([i]) * (100 + 400 * i))
        images.append((f"picture-{i}", path.relative_to(root).as_posix()))
    return images


@pytest.fixture
def rows(tmp_path: Path) -> list[dict]:
    return assign(image_files(tmp_path, 7), "cirr_val", 3)


def shard_zero(tmp_path: Path, rows: list[dict]) -> tuple[Path, list[dict]]:
    chosen = rows_of(rows, 0, Path("images.parquet"))
    write_shard(tmp_path / "00000.tar", chosen, tmp_path)
    return tmp_path / "00000.tar", chosen


# ---- assignment ----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(NAMES, st.integers(1, 70))
def test_shards_cut_the_list_of_images_without_loss_or_change_of_order(names: list[str], shard_size: int):
    rows = assign([(name, f"{name}.png") for name in names], "some-set_1", shard_size)
    n_shards = -(-len(names) // shard_size)
    cut = [rows_of(rows, shard, Path("images.parquet")) for shard in range(n_shards)]
    assert [row["image_id"] for part in cut for row in part] == names
    assert all(len(part) == shard_size for part in cut[:-1])
    assert len({row["key"] for row in rows}) == len(names)
    assert all("." not in row["key"] and "/" not in row["key"] for row in rows)


def test_keys_sort_in_gallery_order():
    rows = assign([(str(i), f"{i}.png") for i in range(1200)], "cirr_val", 500)
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    assert rows[1199] == {"image_id": "1199", "path": "1199.png", "shard": 2, "key": "cirr_val-000001199"}


@pytest.mark.parametrize("image_set", ["cirr.val", "cirr/val", "", "x" * 65])
def test_an_image_set_name_that_webdataset_would_cut_is_refused(image_set: str):
    with pytest.raises(CirqueError, match="letters, digits"):
        assign([("a", "a.png")], image_set, 10)


def test_two_images_of_one_name_are_refused():
    with pytest.raises(CirqueError, match=r"1 names occur twice \(first: a\)"):
        assign([("a", "x/a.png"), ("b", "b.png"), ("a", "y/a.png")], "cirr_val", 10)


def test_a_shard_that_does_not_exist_is_refused():
    with pytest.raises(CirqueError, match="has no shard 3"):
        rows_of(assign([("a", "a.png")], "cirr_val", 10), 3, Path("images.parquet"))


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("a/b.JPEG", "jpeg"),
        ("a.png", "png"),
        ("a.tar.gz", "gz"),
        ("noname", "image"),
        ("a.json", "image"),  # the record's own member
        ("a.verylongsuffix", "image"),
        ("a.pn g", "image"),
    ],
)
def test_the_member_name_follows_the_file_name(path: str, member: str):
    assert extension(path) == member


# ---- writing -------------------------------------------------------------------------------------------------------


def test_a_shard_made_again_is_byte_identical_whatever_the_files_own_times(tmp_path: Path, rows: list[dict]):
    path, chosen = shard_zero(tmp_path, rows)
    before = path.read_bytes()
    for row in chosen:
        os.utime(tmp_path / row["path"], (1, 1))
        (tmp_path / row["path"]).chmod(0o600)
    path.unlink()
    write_shard(path, chosen, tmp_path)
    assert path.read_bytes() == before


def test_members_have_fixed_times_owner_and_mode_and_the_bytes_of_the_files(tmp_path: Path, rows: list[dict]):
    path, chosen = shard_zero(tmp_path, rows)
    with tarfile.open(path) as tar:
        for member in tar:
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
        assert tar.extractfile(f"{chosen[0]['key']}.png").read() == (tmp_path / chosen[0]["path"]).read_bytes()
        about = json.load(tar.extractfile(f"{chosen[1]['key']}.json"))
    assert (about["image_id"], about["path"]) == ("picture-1", "set/1/picture.1.JPEG")


def test_webdataset_reads_a_shard_as_its_own(tmp_path: Path, rows: list[dict]):
    path, chosen = shard_zero(tmp_path, rows)
    samples = list(webdataset.WebDataset(str(path), shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == [row["key"] for row in chosen]
    assert samples[2]["jpg"] == (tmp_path / chosen[2]["path"]).read_bytes()


def test_missing_files_are_counted_and_stated_where_to_put(tmp_path: Path, rows: list[dict]):
    for row in rows[2:6]:
        (tmp_path / row["path"]).unlink()
    with pytest.raises(CirqueError) as error:
        require_files("CIRR val", rows, tmp_path, "docs/data.md#cirr")
    assert str(error.value) == (
        f"CIRR val: 4 of 7 images missing (first: picture-2); put them in {tmp_path}/set/2; see docs/data.md#cirr"
    )


def test_a_file_that_vanishes_while_a_shard_is_written_leaves_nothing(tmp_path: Path, rows: list[dict]):
    (tmp_path / rows[2]["path"]).unlink()
    with pytest.raises(CirqueError, match="image picture-2 cannot be read"):
        shard_zero(tmp_path, rows)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


# ---- reading -------------------------------------------------------------------------------------------------------


def test_what_was_written_is_read_in_order(tmp_path: Path, rows: list[dict]):
    path, chosen = shard_zero(tmp_path, rows)
    expected = [Sample(row["image_id"], (tmp_path / row["path"]).read_bytes()) for row in chosen]
    assert list(read_shard(path, chosen)) == expected


@settings(deadline=None, max_examples=20)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=12), st.integers(1, 5))
def test_any_bytes_come_back_from_any_cut_into_shards(tmp_path_factory: pytest.TempPathFactory, contents, shard_size):
    root = tmp_path_factory.mktemp("images")
    for i, data in enumerate(contents):
        (root / f"{i}.png").write_bytes(data)
    rows = assign([(f"é {i}", f"{i}.png") for i in range(len(contents))], "set", shard_size)
    read = []
    for shard in range(rows[-1]["shard"] + 1):
        chosen = rows_of(rows, shard, Path("images.parquet"))
        write_shard(root / f"{shard:05d}.tar", chosen, root)
        read += list(read_shard(root / f"{shard:05d}.tar", chosen))
    assert read == [Sample(f"é {i}", data) for i, data in enumerate(contents)]


def test_a_shard_cut_short_anywhere_is_an_error_and_never_fewer_rows(tmp_path: Path, rows: list[dict]):
    path, chosen = shard_zero(tmp_path, rows)
    whole = path.read_bytes()
    end = whole.rindex(b"\x02") + 1  # the last byte of the last image; after it comes padding only
    cut = tmp_path / "cut.tar"
    for length in [0, *range(1, end, 97), *range(512, end, 512), end - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(CirqueError, match=r"cut\.tar: .*delete it and run Snakemake again"):
            list(read_shard(cut, chosen))


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_shard_with_an_altered_byte_gives_the_same_images_or_an_error(tmp_path_factory, data: st.DataObject):
    root = tmp_path_factory.getbasetemp() / "altered"
    root.mkdir(exist_ok=True)
    rows = assign(image_files(root, 3), "set", 3)
    write_shard(root / "whole.tar", rows, root)
    content = bytearray((root / "whole.tar").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (root / "altered.tar").write_bytes(content)
    try:
        read = list(read_shard(root / "altered.tar", rows))
    except CirqueError:
        return
    assert read == [Sample(row["image_id"], (root / row["path"]).read_bytes()) for row in rows]


def rewritten(path: Path, change) -> None:
    """Rewrite a tar with its list of (name, bytes) changed."""
    with tarfile.open(path) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(path, "w") as tar:
        for name, data in change(members):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m[:-2], r"holds 2 of 3 images \(first missing: picture-2\)"),
        (lambda m: m[2:], "has the key set-000000001 where set-000000000"),
        (lambda m: m[2:4] + m[:2] + m[4:], "has the key set-000000001 where set-000000000"),
        (lambda m: [*m, ("set-000000009.json", b"{}")], "holds more than its 3 images"),
        (lambda m: [(n, b"{" if n.endswith("json") else d) for n, d in m], "not the record of an image"),
        (lambda m: [(n, b"[]" if n.endswith("json") else d) for n, d in m], "not the record of an image"),
        (lambda m: [(n, d.replace(b"picture-1", b"picture-7")) for n, d in m], r"picture-1\): .* was altered"),
        (lambda m: [x for x in m if x[0] != "set-000000001.jpeg"], "has the members json instead of json, jpeg"),
        (lambda m: [x for x in m if x[0] != "set-000000001.json"], "has the members jpeg instead of json, jpeg"),
        (lambda m: [*m, m[-1]], "duplicate file name"),
    ],
)
def test_a_shard_whose_members_disagree_with_its_images_is_refused(tmp_path: Path, change, message: str):
    rows = assign(image_files(tmp_path, 3), "set", 3)
    path = tmp_path / "00000.tar"
    write_shard(path, rows, tmp_path)
    rewritten(path, change)
    with pytest.raises(CirqueError, match=message):
        list(read_shard(path, rows))


def test_a_missing_shard_names_the_command_that_makes_it(tmp_path: Path):
    with pytest.raises(CirqueError, match="snakemake -c8"):
        list(read_shard(tmp_path / "00000.tar", []))


def test_a_header_that_claims_more_than_any_disk_holds_ends_in_a_sentence(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"picture")
    (row,) = assign([("a", "a.png")], "set", 1)
    write_shard(tmp_path / "00000.tar", [row], tmp_path)
    data = bytearray((tmp_path / "00000.tar").read_bytes())
    data[156:157] = b"Z"  # of a kind that tarfile passes over
    data[124:136] = b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    (tmp_path / "00000.tar").write_bytes(data)
    with pytest.raises(CirqueError, match=r"00000\.tar: cannot be read on \(a header claims more bytes"):
        list(read_shard(tmp_path / "00000.tar", [row]))
