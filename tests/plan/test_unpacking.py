"""What rules unpack by themselves: only where the configuration says so, and never over what a person put there."""

import re
from pathlib import Path

import pytest

from cirque.data import download
from cirque.errors import CirqueError
from cirque.plan import presence, unpacking
from cirque.plan.needed_data import Need
from tests.conftest import REPOSITORY

REGISTRY = REPOSITORY / "config/datasets.tsv"
FOLDER = "coco/val2017/"


def config(root: Path, **changes: object) -> dict[str, object]:
    return {"data_root": str(root), "unpack": True, **changes}


def test_nothing_is_unpacked_unless_the_configuration_says_so(tmp_path: Path):
    for changes in ({"unpack": False}, {"unpack": None}):
        assert not unpacking.needed(config(tmp_path, **changes), REGISTRY)
    assert FOLDER in unpacking.needed(config(tmp_path), REGISTRY)


def test_a_folder_without_a_trace_of_unpacking_is_a_person_s(tmp_path: Path):
    one = unpacking.table(REGISTRY)[FOLDER]
    (tmp_path / FOLDER).mkdir(parents=True)
    assert FOLDER not in unpacking.needed(config(tmp_path), REGISTRY)
    for trace in (one.mark, one.list):  # begun and killed; whole
        (tmp_path / trace).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / trace).touch()
        assert FOLDER in unpacking.needed(config(tmp_path), REGISTRY)
        (tmp_path / trace).unlink()


def test_lists_are_of_the_folders_that_are_asked_for(tmp_path: Path):
    assert unpacking.lists(config(tmp_path), REGISTRY, ["coco/val2017", "CIRR/dev"]) == ["unpacked/coco/val2017.json"]


def test_every_archive_has_an_address_and_a_checksum_and_what_it_gives_is_in_the_registry():
    entries = download.read_registry(REGISTRY)
    for one in unpacking.table(REGISTRY).values():
        assert entries[one.archive].is_fetched
        assert entries[one.archive].sha256
        assert entries[one.made].gated  # or two rules would bring it


def test_the_table_says_what_the_documentation_has_people_type():
    page = (REPOSITORY / "docs/data.md").read_text(encoding="utf-8")
    typed = re.findall(
        r"data unpack data/paper/(\S+) --into data/paper/(\S+)(?: --strip (\d+))?(?: --only (\S+))?\n", page
    )
    said = {(archive, into, int(strip or 0), only) for archive, into, strip, only in typed}
    assert said == {(one.archive, one.into, one.strip, one.only) for one in unpacking.table(REGISTRY).values()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("made\tarchive\n", "its columns must be made, archive, into, strip, only"),
        ("made\tarchive\tinto\tstrip\tonly\na/\tarchives/val2017.zip\ta\tx\t\n", "no table of what is unpacked"),
        ("made\tarchive\tinto\tstrip\tonly\na/\tarchives/other.zip\ta\t0\t\n", "no rule fetches archives/other.zip"),
    ],
)
def test_a_broken_table_is_refused_by_its_name(tmp_path: Path, text: str, message: str):
    (tmp_path / "datasets.tsv").write_bytes(REGISTRY.read_bytes())
    (tmp_path / "archives.tsv").write_text(text)
    with pytest.raises(CirqueError, match=rf"archives\.tsv: .*{message}"):
        unpacking.table(tmp_path / "datasets.tsv")


def test_status_counts_an_archive_and_what_comes_out_of_it(tmp_path: Path):
    need = Need("images", "coco", "val2017", (), ("coco/val2017",), n_images=2)
    entries, allowed = download.read_registry(REGISTRY), unpacking.table(REGISTRY)
    looked = presence.look(need, tmp_path, entries, False, allowed)
    assert [(one.path, one.state, one.n_bytes) for one in looked] == [
        ("archives/val2017.zip", "fetched", 815585330),
        (FOLDER, "unpacked", 0),
    ]
    assert [one.state for one in presence.look(need, tmp_path, entries, False)] == ["missing"]
    (tmp_path / FOLDER).mkdir(parents=True)
    assert [one.state for one in presence.look(need, tmp_path, entries, False, allowed)] != ["unpacked"]
