"""The stages that sum a training's time and draw a plot: both files or none."""

import json

import pytest

from cirque.store import files, provenance, schemas
from tests.evaluated import run
from tests.plots.test_domains import ROWS
from tests.plots.test_training_time import SETTINGS, scored
from tests.training.test_times import record


def draw(folder, name, settings, **inputs):
    words = ["draw_plot", "--name", name, "--settings", json.dumps(settings)]
    for option, paths in inputs.items():
        words += [f"--{option}", *paths]
    return run(*words, "--output", folder / f"plot_{name}.svg", "--data", folder / f"plot_{name}.parquet")


def table(folder, rows, name="cirr"):
    path = folder / f"table_{name}.parquet"
    files.write_rows(path, rows, schemas.TABLE)
    return path


def test_a_plot_is_a_drawing_and_its_data(tmp_path):
    settings = {"dims": {"ViT-L/14": 8}, "n_samples": 4, "seed": 0}
    assert draw(tmp_path, "noise_norms", settings) == 0
    data = files.read_table(tmp_path / "plot_noise_norms.parquet")
    assert data.schema.equals(schemas.NOISE_NORMS)
    assert data.num_rows == 6 * 4
    assert "ViT-L/14, 8 dimensions" in (tmp_path / "plot_noise_norms.svg").read_text()


def test_times_of_trainings_become_a_plot(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "code_version", lambda *names: "0")
    times = []
    for network in ("searle", "lincir"):
        tokens = record(tmp_path / f"tokens of {network}", "invert_images", 2)
        phi = record(tmp_path / f"phi of {network}", "train_network", 2, [tokens])
        times.append(tmp_path / f"{network}.parquet")
        words = ["--network", network, "--backbone", "tiny", "--seed", 0, "--output", times[-1]]
        assert run("sum_training_time", "--phi", phi, *words) == 0
        assert files.read_table(times[-1]).schema.equals(schemas.TRAINING_TIMES)
    tables = [table(tmp_path, [scored("searle"), scored("lincir")])]
    assert draw(tmp_path, "training_time", SETTINGS, tables=tables, times=times) == 0
    rows = files.read_table(tmp_path / "plot_training_time.parquet", schemas.TIMED_SCORES.names).to_pylist()
    assert [(row["method"], row["training_seconds"], row["total_seconds"]) for row in rows] == [
        ("searle", 4.0, 8.0), ("lincir", 4.0, 8.0),
    ]  # fmt: skip


def test_bars_of_a_table(tmp_path):
    assert draw(tmp_path, "domains", {"metrics": ["R_all@10"]}, tables=[table(tmp_path, ROWS)]) == 0
    assert files.read_table(tmp_path / "plot_domains.parquet").schema.equals(schemas.BARS)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("domains", {"metrics": ["R@7"]}, "R@7 was measured in no subset"),
        ("training_time", {**SETTINGS, "networks": {}}, "none of its methods is in run"),
        ("pie", {}, "no plot is called 'pie'"),
    ],
)
def test_what_cannot_be_drawn_leaves_no_file(tmp_path, capsys, name, settings, message):
    assert draw(tmp_path, name, settings, tables=[table(tmp_path, ROWS)]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("plot_*"))
