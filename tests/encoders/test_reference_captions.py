from pathlib import Path

import pytest

from cirque.encoders import reference_captions
from cirque.errors import CirqueError
from cirque.store import files, schemas


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    one, other = tmp_path / "00000.parquet", tmp_path / "00001.parquet"
    reference_captions.write(one, [("a", "a cat", "ok"), ("b", "", "ok")])
    reference_captions.write(other, [("c", None, "empty file"), ("d", "a dog", "ok")])
    return [one, other]


def test_captions_come_in_the_order_of_the_references(paths: list[Path]) -> None:
    assert reference_captions.load(paths, ["d", "a", "d", "b"]) == ["a dog", "a cat", "a dog", ""]
    assert files.read_table(paths[0]).schema.equals(schemas.REFERENCE_CAPTIONS)


def test_a_reference_whose_image_failed_is_an_error_with_the_reason(paths: list[Path]) -> None:
    with pytest.raises(CirqueError, match=r"1 of 2 references have no caption .*first: c: empty file; replace"):
        reference_captions.load(paths, ["a", "c"])


def test_a_reference_that_was_not_captioned_is_an_error(paths: list[Path]) -> None:
    with pytest.raises(CirqueError, match=r"1 of 2 references have no caption .*first: e; delete these and run again"):
        reference_captions.load(paths, ["a", "e"])
