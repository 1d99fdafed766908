"""Damage in every kind of file that the workflow writes: refused by its name, and never taken for other results.

A file of each kind is damaged in a copy of the finished tiny run. Then the stage that read it runs again, with the very
words that Snakemake ran it with; of kinds that no stage of that run reads, the package's reader. A kind that is new in
`plan/paths.py` fails here until it has an entry.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from cirque import submissions
from cirque.__main__ import main
from cirque.data import decoded
from cirque.encoders import composers
from cirque.errors import CirqueError
from cirque.families import STAGES
from cirque.plan.paths import KINDS, Kind
from cirque.store import files, provenance, schemas
from tests import small_composer
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow

SCALE = Path("results/scale=tiny")

# ---- who reads what --------------------------------------------------------------------------------------------------

#: The stage of the tiny run that reads a file of the kind.
STAGE_OF: Mapping[str, str] = {
    "images": "extract_features",
    "shards": "extract_features",
    "queries": "evaluate",
    "gallery": "evaluate",
    "triplets": "train_network",
    "weights": "encode_concepts",
    "weights_card": "encode_concepts",
    "features": "associate_concepts",
    "concept_features": "associate_concepts",
    "concepts": "invert_images",
    "captioner": "caption_images",
    "captioner_card": "caption_images",
    "reference_captions": "evaluate",
    "language_model": "sample_phrases",
    "phrases": "encode_phrases",
    "phrase_features": "invert_images",
    "tagger": "tag_captions",
    "captions": "encode_captions",
    "caption_features": "train_network",
    "tokens": "evaluate",
    "phi": "evaluate",
    "phi_card": "evaluate",
    "metrics": "build_table",
    "settings": "build_table",
    "tables": "write_page",
}


def some(kind: pa.DataType) -> Any:
    """A value of a type of Arrow."""
    if pa.types.is_list(kind):
        return [some(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: some(field.type) for field in kind}
    values: list[tuple[Callable[[pa.DataType], bool], Any]] = [
        (pa.types.is_string, "text"),
        (pa.types.is_binary, b"bytes"),
        (pa.types.is_boolean, True),
        (pa.types.is_integer, 7),
        (pa.types.is_floating, 0.5),
    ]
    return next(value for fits, value in values if fits(kind))


@dataclass(frozen=True)
class Reader:
    """How a file of a kind is read, and how one is written where the tiny run has none."""

    read: Callable[[Path], object]
    write: Callable[[Path], None] | None = None


def table(schema: pa.Schema, *, is_made_here: bool) -> Reader:
    """Of a table of Parquet."""

    def write(path: Path) -> None:
        files.write_rows(path, [{field.name: some(field.type) for field in schema}] * 50, schema)

    return Reader(lambda path: files.read_table(path, schema.names).to_pylist(), write if is_made_here else None)


def write_composer(path: Path) -> None:
    """Weights and their side-car, whichever of both is asked for."""
    composers.save(small_composer.made("tirg"), path.with_suffix(".safetensors"), {"note": "of a test"})


def read_composer(path: Path) -> object:
    """The weights and the description, as numbers and words."""
    composer = composers.load(path.with_suffix(".safetensors"), torch.device("cpu"))
    return composer.record, {name: value.tolist() for name, value in composer.model.state_dict().items()}


COMPOSER = Reader(read_composer, write_composer)

#: Readers of kinds that no stage of the tiny run reads.
READER_OF: Mapping[str, Reader] = {
    "training": table(schemas.TRAINING, is_made_here=False),
    "query_features": Reader(lambda path: files.read_table(path).to_pylist()),
    "rankings": table(schemas.RANKINGS, is_made_here=False),
    "submissions": Reader(lambda path: submissions.read(path, submissions.load("cirr"))),
    "pixels": Reader(
        lambda path: decoded.read(path, 6).tolist(),
        lambda path: decoded.write(path, [(str(n), np.full((8, 8, 3), n, np.uint8)) for n in range(6)], 6),
    ),
    "composer": COMPOSER,
    "composer_card": COMPOSER,
    "composer_training": table(schemas.TRAINING, is_made_here=True),
    "reconstructions": table(schemas.RECONSTRUCTIONS, is_made_here=True),
    "css_scenes": table(schemas.CSS_SCENES, is_made_here=True),
    "facts": table(schemas.FACTS, is_made_here=True),
    "facts_of_backbone": table(schemas.FACTS, is_made_here=True),
    "training_times": table(schemas.TRAINING_TIMES, is_made_here=True),
}

#: Kinds whose content nothing reads, and why that loses nothing; each reason has a test below.
UNREAD: Mapping[str, str] = {
    "released": "a proof is there or not; who doubts it makes it anew, from the released file itself",
    "pages": "a page is looked at by people, and made anew from its table",
}

#: Kinds in which a bit may lie that a stage does not read: a tar is padded with zeros to whole blocks, and of phrases'
#: features an inversion reads those of its own images' concepts (tests/store/test_reading_in_part.py).
READ_IN_PART = {"shards", "phrase_features"}


def test_every_kind_has_one_reader_or_a_reason():
    entries = [*STAGE_OF, *READER_OF, *UNREAD]
    assert sorted(entries) == sorted(KINDS)


# ---- damages ---------------------------------------------------------------------------------------------------------


def flipped(content: bytes, share: float) -> bytes:
    """One bit flipped, at a share of the length."""
    place = min(int(len(content) * share), len(content) - 1)
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


#: The bit near the end lies in the footer of a Parquet file, for which its format has no checksum.
DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "a bit in the middle": lambda content: flipped(content, 0.5),
    "a bit near the end": lambda content: flipped(content, 0.9),
    "half of it": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
}


@pytest.fixture(scope="module")
def stricken(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy whose files are damaged and healed again, one by one."""
    return finished.copy_to(tmp_path_factory.mktemp("stricken") / "project")


@pytest.fixture
def here(stricken: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Its folder, in which stages run as if each had a process of its own."""
    monkeypatch.chdir(stricken.root)
    monkeypatch.setattr(provenance, "_read", {})
    monkeypatch.setattr(provenance, "_written", {})
    environment = dict(os.environ)
    kept = {path: path.read_bytes() for path in SCALE.rglob("*.run.json")}
    yield stricken.root
    os.environ.clear()
    os.environ.update(environment)
    for (
        path,
        content,
    ) in kept.items():  # a stage that is refused leaves no records; Snakemake then removes what it wrote
        if not path.is_file():
            path.write_bytes(content)


def records() -> list[dict[str, Any]]:
    """Records of all runs of stages below the current folder."""
    return [json.loads(path.read_text()) for path in sorted(SCALE.rglob("*.run.json"))]


def parts_of(path: Path) -> list[Path]:
    """A file, or the files of a folder that a stage wrote."""
    if path.is_file():
        return [path]
    return [file for file in sorted(path.rglob("*")) if provenance.record_path(file).is_file()]


def read_by(kind: Kind, stage: str) -> tuple[Path, dict[str, Any]]:
    """The first file of a kind that a run of a stage read, and the record of that run."""
    for record in records():
        if record["stage"] == stage:
            for entry in record["inputs"]:
                for path in (Path(entry["path"]), *Path(entry["path"]).parents):
                    if kind.match(path):
                        return path, record
    pytest.fail(f"no run of {stage} read a file of the kind {kind.name}")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", STAGE_OF)
def test_a_stage_refuses_a_damaged_file_by_its_name(
    here: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
):
    stage = STAGE_OF[name]
    whole, record = read_by(KINDS[name], stage)
    output = Path(record["output"]["path"])
    before = output.read_bytes()
    for path in parts_of(whole):
        content = path.read_bytes()
        path.write_bytes(DAMAGES[damage](content))
        try:
            status = main(record["command"][3:])
        finally:
            path.write_bytes(content)
        said = capsys.readouterr().err
        assert output.read_bytes() == before  # no result is replaced by another
        if status == 0 and name in READ_IN_PART:
            continue
        assert status == 1, f"{path}: {damage} was not noticed"
        last = said.strip().splitlines()[-1]
        assert last.startswith(f"cirque {stage}: ")
        assert str(path) in last
        assert "delete" in last


def recorded(path: Path) -> Path:
    """Leave the checksum beside a file, as every stage does."""
    stated = {"output": {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}}
    provenance.record_path(path).write_text(json.dumps(stated))
    return path


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", READER_OF)
def test_a_reader_refuses_a_damaged_file_by_its_name(here: Path, tmp_path: Path, name: str, damage: str):
    reader, kind = READER_OF[name], KINDS[name]
    if reader.write is None:
        path = next(iter(sorted(SCALE.glob(kind.glob()))))
    else:
        path = tmp_path / "scale=tiny" / kind.path(**dict.fromkeys(kind.wildcards, "x"))
        reader.write(path)
        recorded(path)
    assert reader.read(path)
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    try:
        with pytest.raises(CirqueError) as refused:
            reader.read(path)
    finally:
        path.write_bytes(content)
    assert str(path) in str(refused.value)
    assert "delete" in str(refused.value)


def test_no_stage_opens_what_nobody_reads(here: Path):
    read = {entry["path"] for record in records() for entry in record["inputs"]}
    assert not [path for path in read for name in UNREAD if KINDS[name].match(path)]
    for stage in STAGES.names():
        assert "proofs" not in STAGES.file(stage).read_text(encoding="utf-8"), stage


def test_a_damaged_page_is_made_anew_from_its_table(here: Path):
    page = next(iter(SCALE.glob(KINDS["pages"].glob())))
    content = page.read_bytes()
    words = provenance.read_record(page)["command"][3:]
    page.write_bytes(flipped(content, 0.5))
    assert main(words) == 0
    assert page.read_bytes() == content


def test_a_damaged_proof_is_made_anew_from_the_released_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provenance, "_read", {})
    monkeypatch.setattr(provenance, "_written", {})
    released, proof, registry = tmp_path / "x.json", tmp_path / "proof.json", tmp_path / "datasets.tsv"
    released.write_text("{}")
    row = {
        **{"dataset": "cirr", "split": "val", "file": "x.json", "url": "https://x.org/x", "mirrors": "", "bytes": "2"},
        **{"sha256": hashlib.sha256(b"{}").hexdigest(), "git_blob": "", "licence": "MIT", "gated": "no", "note": "n"},
    }
    registry.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    words = ["--registry", registry, "--file", "x.json", "--released", released, "--output", proof]
    assert main(["verify_file", *map(str, words)]) == 0
    content = proof.read_bytes()
    proof.write_bytes(flipped(content, 0.5))
    assert main(["verify_file", *map(str, words)]) == 0
    assert proof.read_bytes() == content
    released.write_text("[]")
    assert main(["verify_file", *map(str, words)]) == 1


# ---- what the checksums themselves rest on ---------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["half of it", "empty"])
def test_a_broken_record_vouches_for_nothing(here: Path, damage: str, capsys: pytest.CaptureFixture[str]):
    card, record = read_by(KINDS["weights_card"], "encode_concepts")
    path = provenance.record_path(card)
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    try:
        assert main(record["command"][3:]) == 1
    finally:
        path.write_bytes(content)
    assert f"{path}: not the record of a run" in capsys.readouterr().err


def test_a_file_that_is_written_anew_is_not_held_against_the_old_record(tmp_path: Path):
    path = tmp_path / "settings.json"
    files.write_json(path, {"a": 1})
    recorded(path)
    files.write_json(path, {"a": 2})
    assert files.read_json(path) == {"a": 2}


def test_without_a_record_json_is_as_safe_as_its_grammar_and_parquet_as_its_pages(tmp_path: Path):
    path = tmp_path / "card.json"
    path.write_bytes(flipped(b'{"mean": 5}', 0.82))
    assert files.read_json(path) == {"mean": 4}  # a person's own file may say what it likes
    path.write_bytes(b'{"mean": ')
    with pytest.raises(CirqueError, match="broken JSON"):
        files.read_json(path)
    rows = [{"concept": f"star {n}", "phrases": [f"a photo of star {n}"]} for n in range(500)]
    files.write_rows(tmp_path / "phrases.parquet", rows, schemas.PHRASES)
    content = (tmp_path / "phrases.parquet").read_bytes()
    (tmp_path / "phrases.parquet").write_bytes(flipped(content, 0.3))
    with pytest.raises(CirqueError, match="not a whole Parquet file"):
        files.read_table(tmp_path / "phrases.parquet")
