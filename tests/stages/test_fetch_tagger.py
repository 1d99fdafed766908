import json
import zipfile
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.stages.fetch_tagger import main
from cirque.store import provenance
from cirque.texts import tagger
from tests import small_tagger


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_tagger.write(tmp_path_factory.mktemp("tagger"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pack(folder: Path, wheel: Path) -> Path:
    """A wheel in the layout of spaCy's releases."""
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("en_some_tagger/__init__.py", "raise SystemExit('the code of a package is not run')")
        archive.writestr("en_some_tagger/meta.json", "{}")
        for name, content in contents(folder).items():
            archive.writestr(f"en_some_tagger/en_some_tagger-3.8.0/{name}", content)
    return wheel


def test_a_folder_and_a_wheel_give_the_same_pipeline(folder: Path, tmp_path: Path) -> None:
    wheel = pack(folder, tmp_path / "en_some_tagger-3.8.0-py3-none-any.whl")
    main(model=str(folder), output=tmp_path / "of-folder")
    main(model=str(wheel), output=tmp_path / "of-wheel")
    assert contents(tmp_path / "of-folder") == contents(tmp_path / "of-wheel") == contents(folder)
    assert tagger.load(str(tmp_path / "of-wheel"))
    assert wheel in provenance._read
    assert tmp_path / "of-wheel" / "config.cfg" in provenance._written


def test_records_of_an_earlier_run_are_not_taken_along(folder: Path, tmp_path: Path) -> None:
    main(model=str(folder), output=tmp_path / "one")
    config = tmp_path / "one" / "config.cfg"
    record = {"output": {"sha256": provenance.bytes_sha256(config)}}
    provenance.record_path(config).write_text(json.dumps(record))
    main(model=str(tmp_path / "one"), output=tmp_path / "two")
    assert contents(tmp_path / "two") == contents(folder)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("en_core_web_none", "no such package is installed; fetch its wheel from https"),
        ("missing.whl", r"missing\.whl: no such file; fetch it from https"),
        ("broken.whl", r"broken\.whl: no whole wheel"),
    ],
)
def test_what_is_missing_or_broken_is_stated_with_its_cure_and_leaves_nothing(
    model: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.whl").write_bytes(b"PK no more")
    with pytest.raises(CirqueError, match=message):
        main(model=model, output=tmp_path / "output")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.whl"]
