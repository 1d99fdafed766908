"""data status: what tables need, what of it is there, and how to get the rest."""

import pytest

from tests.conftest import REPOSITORY
from tests.evaluated import inside, run

PAPER = ["--configfile", REPOSITORY / "config/paper.yaml", "--registry", REPOSITORY / "config/datasets.tsv"]


def status(capsys, root, *words):
    with inside(root):
        code = run("data", "status", *words)
    return code, capsys.readouterr()


def test_without_any_data_it_says_how_to_get_them_and_which_tables_wait(tmp_path, capsys):
    code, streams = status(capsys, tmp_path, "cirr", *PAPER)
    assert code == 1
    assert "missing      CIRR/dev/ (NLVR2" in streams.out
    assert "Fill in the NLVR2 form" in streams.out
    assert "fetched      CIRR/cirr/captions/cap.rc2.val.json" in streams.out
    assert "tables that cannot be made whole yet: cirr" in streams.err
    assert not list(tmp_path.iterdir())  # nothing is fetched or written


def test_a_generated_world_lacks_nothing(tmp_path, capsys):
    code, streams = status(capsys, tmp_path, "--configfile", REPOSITORY / "config/config.yaml", *PAPER[2:])
    assert code == 0
    assert "generated    CIRR/dev/" in streams.out


def test_each_file_is_stated_once(tmp_path, capsys):
    out = status(capsys, tmp_path, *PAPER)[1].out
    paths = [line.split()[1] for line in out.splitlines() if line.startswith(("  fetched", "  missing"))]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(
    ("words", "stated"),
    [(["crir"], "no table is called crir; there are cirr"), (["--configfile", "absent.yaml"], "absent.yaml")],
)
def test_what_is_misspelt_is_named(tmp_path, capsys, words, stated):
    code, streams = status(capsys, tmp_path, *words, *(PAPER if words[0] == "crir" else PAPER[2:]))
    assert code == 1
    assert stated in streams.err
