"""Archives of images: what is in them arrives whole, and what could do harm does not."""

import gzip
import io
import lzma
import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cirque.data import archive_members, archives
from cirque.data.archives import Unpacked
from cirque.errors import CirqueError

#: Bytes that do not shrink, as a picture's.
PICTURE = random.Random(0).randbytes(5000)
FILES = {"val2017/1.jpg": PICTURE, "val2017/more/2.jpg": PICTURE[::-1], "list.txt": b"1\n2\n"}


def zipped(path: Path, files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files:
            info = zipfile.ZipInfo("x")
            info.filename = name  # as it is: the constructor would cut it at a zero byte
            info.compress_type, info.external_attr = method, mode << 16
            archive.writestr(info, data)
    return path


def tarred(path: Path, members: Iterable[tuple[str, bytes | dict[str, Any]]]) -> Path:
    """A tar, packed by its ending; bytes are a file, and a dictionary is what else a header says."""
    kind = path.suffix.removeprefix(".")
    with tarfile.open(path, f"w:{kind if kind in {'gz', 'xz'} else ''}") as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mode = 0o4777
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            for key, value in content.items() if isinstance(content, dict) else ():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def archive_of(folder: Path, kind: str, files: dict[str, bytes]) -> Path:
    path = folder / f"archive.{kind}"
    return zipped(path, files.items()) if kind == "zip" else tarred(path, files.items())


def unpack(archive: Path, into: Path, **options: Any) -> Unpacked:
    return archives.unpack(archive, into, **{"max_bytes": 10**9, **options})


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


KINDS = pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "data" / "coco"


def refuses(archive: Path, into: Path, message: str, **options: Any) -> str:
    """Nothing at all is written, inside of the folder or outside."""
    before = contents(archive.parent)
    with pytest.raises(CirqueError, match=message) as caught:
        unpack(archive, into, **options)
    assert contents(archive.parent) == before
    assert str(archive) in str(caught.value)
    return str(caught.value)


# ---- what is good ----------------------------------------------------------------------------------------------------


@KINDS
def test_every_file_arrives_and_nothing_else(tmp_path: Path, into: Path, kind: str):
    done = unpack(archive_of(tmp_path, kind, FILES), into)
    assert contents(into) == FILES
    assert done == Unpacked(3, 0, 0, 10004)
    assert not any(path.stat().st_mode & 0o7111 for path in into.rglob("*") if path.is_file())


@KINDS
def test_a_second_run_finds_everything_there_and_writes_nothing(tmp_path: Path, into: Path, kind: str):
    archive = archive_of(tmp_path, kind, FILES)
    unpack(archive, into)
    before = {path: path.stat().st_mtime_ns for path in into.rglob("*")}
    assert unpack(archive, into) == Unpacked(0, 3, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in into.rglob("*")} == before


@KINDS
def test_a_killed_run_leaves_no_half_file_and_the_next_goes_on(tmp_path: Path, into: Path, kind: str, monkeypatch):
    archive = archive_of(tmp_path, kind, FILES)
    copy, replace = archives.shutil.copyfileobj, Path.replace
    calls = []

    def killed(stream, file, size):
        calls.append(1)
        if len(calls) < 2:
            return copy(stream, file, size)
        file.write(stream.read(100))
        raise KeyboardInterrupt

    monkeypatch.setattr(archives.shutil, "copyfileobj", killed)
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, into)
    assert contents(into) == {"val2017/1.jpg": PICTURE}
    orphan = into / f"{archives._PART}{2**22 + 1}.part"  # what a SIGKILL leaves; no process has this number
    orphan.write_bytes(b"half")
    monkeypatch.setattr(archives.shutil, "copyfileobj", copy)
    assert Path.replace is replace
    assert unpack(archive, into) == Unpacked(2, 1, 0, 5004)
    assert contents(into) == FILES


def test_a_part_and_folders_left_out(tmp_path: Path, into: Path):
    files = {"release/compositional/train.txt": b"a", "release/compositional-natural/train.txt": b"b", "README": b"c"}
    unpack(archive_of(tmp_path, "tar.gz", files), into, only="release/compositional/", strip=1)
    assert contents(into) == {"compositional/train.txt": b"a"}


def test_what_macos_adds_for_itself_is_left_out_and_counted(tmp_path: Path, into: Path):
    files = {"images/1.jpg": PICTURE, "__MACOSX/images/._1.jpg": b"x", "images/._1.jpg": b"x", ".DS_Store": b"x"}
    assert unpack(archive_of(tmp_path, "zip", files), into).n_left_out == 3
    assert contents(into) == {"images/1.jpg": PICTURE}


def test_names_are_decoded_as_zipfile_does(tmp_path: Path, into: Path):
    archive = zipped(tmp_path / "a.zip", [("é.jpg", b"x")])
    flagless = bytearray(archive.read_bytes().replace("é".encode(), b"\x82\x83"))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = flagless.index(signature) + place
        flagless[start : start + 2] = b"\0\0"
    archive.write_bytes(flagless)
    unpack(archive, into)
    assert list(contents(into)) == ["éâ.jpg"]  # code page 437


def test_a_tar_s_name_that_is_not_utf8_stays_as_it_is(tmp_path: Path, into: Path):
    unpack(tarred(tmp_path / "a.tar", [("\udce9.jpg", PICTURE)]), into)
    assert os.listdir(os.fsencode(into)) == [b"\xe9.jpg"]


@pytest.mark.parametrize(
    "link", [{"type": tarfile.SYMTYPE, "linkname": "../a/1.jpg"}, {"type": tarfile.LNKTYPE, "linkname": "a/1.jpg"}]
)
def test_a_link_inside_of_the_archive_becomes_a_copy(tmp_path: Path, into: Path, link: dict[str, Any]):
    chain = {"type": tarfile.SYMTYPE, "linkname": "2.jpg"}
    archive = tarred(tmp_path / "a.tar", [("b/3.jpg", chain), ("a/1.jpg", PICTURE), ("b/2.jpg", link)])
    assert unpack(archive, into).n_written == 3
    assert contents(into) == dict.fromkeys(("a/1.jpg", "b/2.jpg", "b/3.jpg"), PICTURE)
    assert not any(path.is_symlink() or path.stat().st_nlink > 1 for path in into.rglob("*.jpg"))
    assert unpack(archive, into).n_there == 3


def test_a_zip_s_link_becomes_a_copy_too(tmp_path: Path, into: Path):
    archive = zipped(tmp_path / "a.zip", [("a/1.jpg", PICTURE)])
    with zipfile.ZipFile(archive, "a") as opened:
        info = zipfile.ZipInfo("b/2.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(info, "../a/1.jpg")
    unpack(archive, into)
    assert contents(into) == dict.fromkeys(("a/1.jpg", "b/2.jpg"), PICTURE)


# ---- what was there --------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("other", [b"mine", PICTURE[:-1] + b"?"])
def test_another_file_of_the_user_is_named_and_stays_unless_replaced(
    tmp_path: Path, into: Path, kind: str, other: bytes
):
    archive = archive_of(tmp_path, kind, FILES)
    (into / "val2017").mkdir(parents=True)
    (into / "val2017/1.jpg").write_bytes(other)
    message = refuses(archive, into, "val2017/1.jpg' is another file than .*, which stays as it is; .*--replace")
    assert str(into / "val2017/1.jpg") in message
    unpack(archive, into, replace=True)
    assert contents(into) == FILES


def test_a_folder_is_never_replaced_by_a_file_nor_a_file_by_a_folder(tmp_path: Path, into: Path):
    archive = archive_of(tmp_path, "zip", FILES)
    (into / "list.txt").mkdir(parents=True)
    refuses(archive, into, "has a folder in its place", replace=True)
    (into / "list.txt").rmdir()
    (into / "val2017").write_bytes(b"")
    refuses(archive, into, "needs a folder where a file is", replace=True)


def test_a_link_of_the_user_that_leads_out_is_not_followed(tmp_path: Path, into: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    into.mkdir(parents=True)
    (into / "val2017").symlink_to(outside)
    refuses(archive_of(tmp_path, "tar", FILES), into, "would go through a link out of", replace=True)
    assert not list(outside.iterdir())


def test_the_folder_itself_may_be_a_link(tmp_path: Path, into: Path):
    (tmp_path / "disk").mkdir()
    into.parent.mkdir()
    into.symlink_to(tmp_path / "disk")
    unpack(archive_of(tmp_path, "zip", FILES), into)
    assert contents(tmp_path / "disk") == FILES


# ---- what could do harm ----------------------------------------------------------------------------------------------

BAD_NAMES = {
    "../x.jpg": "leads upwards",
    "a/../../x.jpg": "leads upwards",
    "a/../x.jpg": "leads upwards",
    "/abs/x.jpg": "begins at the root",
    "C:x.jpg": "is a path of Windows",
    "..\\x.jpg": "is a path of Windows",
    "a\x1b[2Jx.jpg": "control character",
    "a" * 256 + "/x.jpg": "part of more than 255 bytes",
    "/".join(["aaaaaaa"] * 200): "path of more than 1,024 bytes",
    ".cirque-unpack.1.part": "cannot be the name of a file here",
}


@KINDS
@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_written(
    tmp_path: Path, into: Path, kind: str, name: str
):
    refuses(archive_of(tmp_path, kind, {"good.jpg": PICTURE, name: PICTURE}), into, BAD_NAMES[name])


def test_a_zero_byte_in_a_zip_s_name_is_refused(tmp_path: Path, into: Path):
    refuses(zipped(tmp_path / "a.zip", [("x.jpg\0.txt", PICTURE)]), into, "control character")


@pytest.mark.parametrize("kind", ["tar", "tar.gz"])
@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "../../etc/passwd"}, "link that leads out of the archive"),
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "link that leads out of the archive"),
        ({"type": tarfile.LNKTYPE, "linkname": "../x"}, "link that leads out of the archive"),
        ({"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, "link that leads out of the archive"),
        ({"type": tarfile.SYMTYPE, "linkname": "a"}, "which is no file that is unpacked"),
        ({"type": tarfile.SYMTYPE, "linkname": "absent.jpg"}, "which is no file that is unpacked"),
        ({"type": tarfile.SYMTYPE, "linkname": "bad"}, "which is no file that is unpacked"),
        ({"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}, "is a device"),
        ({"type": tarfile.BLKTYPE}, "is a device"),
        ({"type": tarfile.FIFOTYPE}, "is a pipe"),
        ({"type": b"Q"}, "of the unknown kind"),
    ],
)
def test_links_out_and_devices_of_a_tar_are_refused(tmp_path: Path, into: Path, kind: str, header, message: str):
    members = [("a/x.jpg", PICTURE), ("a/bad", header)]
    refuses(tarred(tmp_path / f"a.{kind}", members), into, message)


@pytest.mark.parametrize(
    ("mode", "message"), [(stat.S_IFLNK, "link that leads out of the archive"), (stat.S_IFCHR, "is a device or a pipe")]
)
def test_links_out_and_devices_of_a_zip_are_refused(tmp_path: Path, into: Path, mode: int, message: str):
    refuses(zipped(tmp_path / "a.zip", [("x", b"../../etc/passwd")], mode=mode | 0o777), into, message)


def test_a_file_below_a_link_is_refused(tmp_path: Path, into: Path):
    members = [("a/x.jpg", PICTURE), ("b", {"type": tarfile.SYMTYPE, "linkname": "a"}), ("b/y.jpg", PICTURE)]
    refuses(tarred(tmp_path / "a.tar", members), into, "make one path a file and a folder")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a/x.jpg", "./a//x.jpg"])
def test_a_member_twice_is_refused(tmp_path: Path, into: Path, second: str):
    files = [("a/x.jpg", PICTURE), (second, b"other")]
    refuses(tarred(tmp_path / "a.tar", files), into, "occurs twice|would be one file here")
    refuses(zipped(tmp_path / "a.zip", files), into, "occurs twice|would be one file here")


def test_names_that_differ_by_case_are_two_files_or_refused_as_the_disk_has_it(tmp_path: Path, into: Path, monkeypatch):
    files = {"a/X.jpg": PICTURE, "A/x.jpg": b"other", "é.jpg": b"1", "e\u0301.jpg": b"2"}
    archive = archive_of(tmp_path, "zip", files)
    with monkeypatch.context() as patched:
        patched.setattr(archives, "_folds_case", lambda _folder: True)
        refuses(archive, into, "'A/x.jpg' and 'a/X.jpg' would be one file here")
    unpack(archive, into)
    assert contents(into) == files


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path: Path, into: Path):
    for number, files in enumerate(({"a": b"1", "a/b": b"2"}, {"a/b": b"1", "a": b"2"})):
        folder = tmp_path / str(number)
        folder.mkdir()
        refuses(archive_of(folder, "tar", files), into, "make one path a file and a folder")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, into: Path):
    bomb = {f"{number}.png": bytes(6 * 10**7) for number in range(2)}
    for kind in ("zip", "tar.gz"):
        refuses(archive_of(tmp_path, kind, bomb), into, "more than 100 times the archive's bytes")


def test_copies_of_links_count(tmp_path: Path, into: Path):
    links = [(f"{number}", {"type": tarfile.LNKTYPE, "linkname": "x.jpg"}) for number in range(300)]
    refuses(tarred(tmp_path / "a.tar.gz", [("x.jpg", PICTURE * 100), *links]), into, "more than 100 times")


def test_many_empty_files_are_a_bomb_too(tmp_path: Path, into: Path, monkeypatch):
    monkeypatch.setattr(archives, "HARMLESS", 10**5)
    files = {f"{number}": b"" for number in range(2000)}
    refuses(archive_of(tmp_path, "tar.xz", files), into, "more than 100 times")


@KINDS
def test_more_than_max_gb_is_refused(tmp_path: Path, into: Path, kind: str):
    refuses(archive_of(tmp_path, kind, FILES), into, "more than 1e-05 GB unpacked; raise --max-gb", max_bytes=10**4)


def test_more_than_the_disk_holds_is_refused(tmp_path: Path, into: Path, monkeypatch):
    free = archives.shutil._ntuple_diskusage(10**4, 5000, 5000)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _folder: free)
    refuses(archive_of(tmp_path, "zip", FILES), into, "GB left; make room")


def test_a_header_as_long_as_a_disk_is_not_read(tmp_path: Path, into: Path):
    path = tmp_path / "a.tar.gz"
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10**8
    with gzip.open(path, "wb") as stream:
        stream.write(info.tobuf(tarfile.GNU_FORMAT))
        stream.write(bytes(10**8))
    refuses(path, into, "a header claims to be longer than any is")


def test_a_size_below_zero_is_refused(tmp_path: Path, into: Path):
    info = tarfile.TarInfo("x.jpg")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 11 + b"\x00"
    header[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(header))[0]  # type: ignore[attr-defined]
    (tmp_path / "a.tar").write_bytes(bytes(header) * 4 + bytes(1024))
    refuses(tmp_path / "a.tar", into, "a size below zero")


def test_members_that_share_their_bytes_are_refused(tmp_path: Path, into: Path):
    archive = zipped(tmp_path / "a.zip", [("x.jpg", PICTURE), ("y.jpg", PICTURE)], zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = b"\x08\0\0\0"
    archive.write_bytes(data)
    refuses(archive, into, "lies over another member's bytes")


def test_an_encrypted_zip_is_refused(tmp_path: Path, into: Path):
    archive = zipped(tmp_path / "a.zip", [("x.jpg", PICTURE)])
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    refuses(archive, into, "'x.jpg' is encrypted; unpack it by hand with its password")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_which_no_piece_can_be_read_alone_is_refused(tmp_path: Path, into: Path, method: int):
    refuses(zipped(tmp_path / "a.zip", [("x.jpg", PICTURE)], method), into, "is packed with method")


# ---- what is spoilt --------------------------------------------------------------------------------------------------


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_zip_s_member_with_a_wrong_checksum_never_gets_its_name(tmp_path: Path, into: Path):
    archive = zipped(tmp_path / "a.zip", [("1.jpg", PICTURE), ("2.jpg", PICTURE[::-1])], zipfile.ZIP_STORED)
    flip(archive, archive.read_bytes().index(PICTURE[::-1]) + 7)
    with pytest.raises(CirqueError, match=r"a.zip: '2.jpg' is cut short or altered \(Bad CRC-32.*download"):
        unpack(archive, into)
    assert contents(into) == {"1.jpg": PICTURE}


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz"])
def test_a_flipped_bit_of_a_packed_tar_is_found_before_anything_is_written(tmp_path: Path, into: Path, kind: str):
    archive = archive_of(tmp_path, kind, FILES)
    flip(archive, archive.stat().st_size // 2)
    refuses(archive, into, "cut short or altered")


@KINDS
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_an_archive_that_is_cut_short_is_refused(tmp_path: Path, into: Path, kind: str, share: float):
    archive = archive_of(tmp_path, kind, {**FILES, "z.jpg": PICTURE[1:]})
    whole = archive.read_bytes()
    content = len(whole.rstrip(b"\0")) if kind == "tar" else len(whole)
    archive.write_bytes(whole[: int(content * share)])
    refuses(archive, into, "cut short or altered")


def test_a_tar_that_is_cut_between_two_members_is_refused(tmp_path: Path, into: Path):
    archive = tarred(tmp_path / "a.tar", [("1.jpg", bytes(512)), ("2.jpg", bytes(512))])
    archive.write_bytes(archive.read_bytes()[:1024])
    refuses(archive, into, "cut short or altered")


def test_a_spoilt_header_is_not_taken_for_the_end(tmp_path: Path, into: Path):
    archive = archive_of(tmp_path, "tar", FILES)
    flip(archive, archive.read_bytes().index(b"val2017/more"))
    refuses(archive, into, "cut short or altered")


def test_two_tars_one_behind_the_other_are_refused(tmp_path: Path, into: Path):
    archive = archive_of(tmp_path, "tar", FILES)
    archive.write_bytes(archive.read_bytes() * 2)
    refuses(archive, into, "goes on behind its end mark")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"BZh9" + bytes(600), "is a bzip2 archive; zip, tar, tar.gz and tar.xz are read"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(600), "is a 7z archive"),
        (b"\n<!DOCTYPE html><title>Quota exceeded", "is a web page"),
        (b"\xff\xd8\xff" + PICTURE, "cut short or altered"),
        (gzip.compress(PICTURE), "cut short or altered"),
        (lzma.compress(PICTURE), "cut short or altered"),
        (b"", "cut short or altered"),
        (b"PK\x05\x06" + bytes(18), "holds no file"),
    ],
)
def test_what_is_no_archive_of_images_is_named(tmp_path: Path, into: Path, data: bytes, message: str):
    (tmp_path / "a.zip").write_bytes(data)
    refuses(tmp_path / "a.zip", into, message)


def test_what_is_not_there_or_asked_wrongly_is_named(tmp_path: Path, into: Path):
    refuses(tmp_path / "absent.zip", into, "no such file")
    archive = archive_of(tmp_path, "zip", FILES)
    refuses(archive, into, r"holds no file in 'val2107'", only="val2107")
    refuses(archive, into, "'list.txt' lies in fewer than 1 folders; lower --strip", strip=1)
    with pytest.raises(CirqueError, match="is a file; give --into a folder"):
        unpack(archive, archive)


def test_a_disk_that_cannot_be_written_ends_in_a_sentence(tmp_path: Path, into: Path, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    archive = archive_of(tmp_path, "zip", FILES)
    monkeypatch.setattr(archives.shutil, "copyfileobj", full)
    with pytest.raises(CirqueError, match=r"archive.zip: could not be unpacked in .*\(No space left.*run again"):
        unpack(archive, into)
    assert contents(into) == {}


# ---- any names, any bytes --------------------------------------------------------------------------------------------

PIECES = st.sampled_from(["a", "b.jpg", "..", ".", "", "C:", "\\", "~", " ", "é", "\udcff", "\x01", "__MACOSX", "._a"])
NAMES = st.lists(PIECES | st.text(min_size=1, max_size=4), min_size=1, max_size=5).map("/".join)


def outcome(archive: Path, into: Path) -> str:
    """A sentence, or nothing; any other error fails the test."""
    try:
        unpack(archive, into)
    except CirqueError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore:Duplicate name")
@given(names=st.lists(NAMES, min_size=1, max_size=4), link=NAMES, symbolic=st.booleans())
@settings(deadline=None, max_examples=150)
def test_no_name_and_no_link_leaves_the_folder(tmp_path_factory, names: list[str], link: str, symbolic: bool):
    folder = tmp_path_factory.mktemp("fuzz")
    into = folder / "in/to"
    kind = tarfile.SYMTYPE if symbolic else tarfile.LNKTYPE
    members: list[tuple[str, Any]] = [(name, PICTURE) for name in names]
    made: list[Callable[[], Path]] = [
        lambda: zipped(folder / "a.zip", members),
        lambda: tarred(folder / "a.tar", [*members, ("link", {"type": kind, "linkname": link})]),
    ]
    for make in made:
        try:
            archive = make()
        except (UnicodeError, ValueError):  # no archive can have such a name
            continue
        said = outcome(archive, into)
        below = set(into.rglob("*")) if into.exists() else set()
        outside = set(folder.rglob("*")) - below - {into, into.parent, archive, folder / "a.zip"}
        assert not outside
        assert not any(path.is_symlink() for path in below)
        assert all(path.read_bytes() == PICTURE for path in below if path.is_file())
        assert said or below


@given(
    place=st.integers(0, 3000),
    byte=st.integers(0, 255),
    kind=st.sampled_from(["zip", "tar", "tar.gz", "tar.xz"]),
    is_there=st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_any_changed_byte_ends_in_a_sentence_or_in_files(
    tmp_path_factory, place: int, byte: int, kind: str, is_there: bool
):
    folder = tmp_path_factory.mktemp("fuzz")
    archive = archive_of(folder, kind, {"a/1.jpg": PICTURE[:99], "2.txt": b"two", "a/3.jpg": PICTURE[:700]})
    if is_there:
        unpack(archive, folder / "in/to")
    data = bytearray(archive.read_bytes())
    data[place % len(data)] = byte
    archive.write_bytes(data)
    outcome(archive, folder / "in/to")
    assert {path.name for path in folder.iterdir()} <= {archive.name, "in"}


@pytest.mark.parametrize("header", [{"type": tarfile.SYMTYPE, "linkname": "../../x"}, {"type": tarfile.CHRTYPE}])
def test_what_python_s_own_filter_refuses_is_refused(tmp_path: Path, into: Path, header: dict[str, Any], monkeypatch):
    monkeypatch.setattr(archive_members, "_target", lambda *_arguments: ())
    monkeypatch.setattr(archive_members, "_TYPES", {})
    refuses(tarred(tmp_path / "a.tar", [("x", header)]), into, "is refused by tarfile|of the unknown kind")
