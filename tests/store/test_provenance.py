import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cirque.store import provenance
from cirque.store.provenance import code_modules, code_version
from tests import tiny
from tests.conftest import REPOSITORY


def version_of_a_copy(folder: Path, stage: str) -> str:
    command = f"from cirque.store.provenance import code_version; print(code_version({stage!r}))"
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return tmp_path / "src"


def test_code_version_follows_imports_of_imports():
    expected = {"cirque.stages.evaluate", "cirque.evaluation.metrics", "cirque.store.schemas"}
    assert expected <= set(code_modules("cirque.stages.evaluate"))


def test_a_table_does_not_depend_on_the_inversion():
    assert "cirque.inversion.oti" not in code_modules("cirque.stages.build_table")


def test_a_changed_constant_changes_the_version_of_what_imports_it_and_of_nothing_else(copy: Path):
    before = {stage: version_of_a_copy(copy, stage) for stage in ("evaluate", "shard_images")}
    module = copy / "cirque/evaluation/metrics.py"
    module.write_text(module.read_text() + "\nX = 1\n")
    assert version_of_a_copy(copy, "evaluate") != before["evaluate"]
    assert version_of_a_copy(copy, "shard_images") == before["shard_images"]


def test_a_comment_or_docstring_changes_no_version(copy: Path):
    before = version_of_a_copy(copy, "evaluate")
    module = copy / "cirque/store/schemas.py"
    module.write_text("# a comment\n" + module.read_text().replace("The columns of", "All the columns of"))
    assert version_of_a_copy(copy, "evaluate") == before


def test_modules_found_by_name_are_given_beside_the_stage():
    searle, text_only = (code_version("evaluate", f"cirque.methods.{name}") for name in ("searle", "text_only"))
    assert searle != text_only


def test_a_stage_leaves_a_record_of_inputs_outputs_and_versions(tmp_path: Path):
    output = tmp_path / "settings.json"
    subprocess.run(
        [sys.executable, "-m", "cirque", "write_settings", "--settings", '{"a": 1}', "--output", str(output)],
        check=True,
    )
    record = json.loads(provenance.record_path(output).read_text())
    assert record["output"]["sha256"] == provenance.sha256(output)
    assert record["stage"] == "write_settings"
    assert set(record["libraries"]) >= {"torch", "open_clip_torch"}
    assert record["code_version"] == code_version("write_settings")


def test_a_record_names_the_members_that_its_stage_found_by_name_and_no_module_beside_them(tmp_path: Path):
    weights = tmp_path / "weights.safetensors"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tiny.json").write_text(json.dumps(tiny.CONFIG))
    command = [sys.executable, "-m", "cirque", "random_backbone", "--model", "tiny", "--seed", "0"]
    configs = ["--model-configs", str(tmp_path / "configs")]
    subprocess.run([*command, "--weights", str(weights), *configs], check=True)
    record = json.loads(provenance.record_path(weights).read_text())
    assert record["found_by_name"] == ["cirque.encoders.clip"]
    assert record["code_version"] == code_version("random_backbone", "cirque.encoders.clip")


def test_checksum_of_an_altered_file_is_computed_anew(tmp_path: Path):
    output = tmp_path / "settings.json"
    subprocess.run(
        [sys.executable, "-m", "cirque", "write_settings", "--settings", '{"a": 1}', "--output", str(output)],
        check=True,
    )
    recorded = provenance.sha256(output)
    output.write_text('{"a": 2}')
    assert provenance.sha256(output) != recorded


def test_a_fingerprint_follows_settings_inputs_and_code(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    prints = [
        provenance.fingerprint("invert_images", inputs=[one], seed=0, settings={"steps": 5}),
        provenance.fingerprint("invert_images", inputs=[one], seed=1, settings={"steps": 5}),
        provenance.fingerprint("invert_images", inputs=[one], seed=0, settings={"steps": 6}),
        provenance.fingerprint("invert_images", inputs=[other], seed=0, settings={"steps": 5}),
        provenance.fingerprint("invert_images", inputs=[one, other], seed=0, settings={"steps": 5}),
        provenance.fingerprint("train_network", inputs=[one], seed=0, settings={"steps": 5}),
    ]
    assert len(set(prints)) == len(prints)
    assert prints[0] == provenance.fingerprint("invert_images", inputs=[one], settings={"steps": 5}, seed=0)
