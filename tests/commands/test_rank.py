"""rank: a gallery of any size, in one call or in parts."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cirque.encoders.features import write_features
from cirque.evaluation import ranking, streamed
from cirque.store import files, schemas
from tests.evaluated import inside, query, run

N, D = 300, 24


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Queries, features and names in a folder that is the current one."""
    monkeypatch.setattr(streamed, "BLOCK", 64)
    generator = np.random.default_rng(0)
    np.save(tmp_path / "g.npy", generator.normal(size=(N, D)).astype(np.float16))
    np.save(tmp_path / "q.npy", generator.normal(size=(9, D)).astype(np.float32))
    files.write_rows(tmp_path / "queries.parquet", [query(number) for number in range(9)], schemas.QUERIES)
    (tmp_path / "names.txt").write_text("".join(f"i{number}\n" for number in range(N)), encoding="utf-8")
    with inside(tmp_path):
        yield tmp_path


WORDS = ("rank", "--asked", "queries.parquet", "--queries", "q.npy", "--gallery", "g.npy", "--names", "names.txt")


def test_a_call_ranks_as_the_workflow_does(folder: Path):
    assert run(*WORDS, "--output", "r.parquet", "--remove-reference", "True") == 0
    names = [f"i{number}" for number in range(N)]
    gallery = ranking.Gallery(names, ranking.normalise(np.load("g.npy").astype(np.float32), names), [""] * N)
    asked = [query(number) for number in range(9)]
    expected = ranking.rank(asked, ranking.normalise(np.load("q.npy"), names), gallery, remove_reference=True)
    found = files.read_table(folder / "r.parquet").to_pylist()
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own.pop("top_scores"), other.pop("top_scores"), rtol=1e-5)
        assert own == other


FEATURE_FILES = ("f0.parquet", "f1.parquet")


def write_feature_files(spoil: int | None = None) -> None:
    """The gallery as the workflow's feature files, of which one image failed; a spoilt one stands there twice."""
    rows = np.load("g.npy").astype(np.float32)
    for path, own in zip(FEATURE_FILES, (range(110), range(110, N)), strict=True):
        names = [f"i{0 if number == spoil else number}" for number in own]
        write_features(Path(path), [*names, f"failed {path}"], [*("ok" for _ in own), "unreadable"], rows[list(own)])


def test_feature_files_of_the_workflow_are_ranked_as_their_array(folder: Path):
    write_feature_files()
    assert run(*WORDS, "--output", "whole.parquet", "--remove-reference", "True") == 0
    of_files = [*WORDS[:5], "--gallery", *FEATURE_FILES, "--remove-reference", "True"]
    assert run(*of_files, "--output", "files.parquet") == 0
    assert (folder / "files.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    for part in range(2):
        assert run(*of_files, "--output", f"p{part}.parquet", "--part", part, "--n-parts", 2) == 0
    assert run(*of_files, "--output", "merged.parquet", "--merge", "p0.parquet", "p1.parquet") == 0
    assert (folder / "merged.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()


def test_parts_of_feature_files_in_another_order_do_not_merge(folder: Path, capsys):
    write_feature_files()
    for part, given in enumerate((FEATURE_FILES, FEATURE_FILES[::-1])):
        words = [*WORDS[:5], "--gallery", *given, "--part", part, "--n-parts", 2]
        assert run(*words, "--output", f"p{part}.parquet") == 0
    merge = ["--gallery", *FEATURE_FILES, "--merge", "p0.parquet", "p1.parquet"]
    assert run(*WORDS[:5], *merge, "--output", "merged.parquet") == 1
    assert "p1.parquet: a part of another ranking" in capsys.readouterr().err


def test_feature_files_have_their_own_names_each_once_and_go_with_no_array(folder: Path, capsys):
    write_feature_files(spoil=120)
    for words, said in (
        ([*FEATURE_FILES], "gallery: 1 names occur twice (i0)"),
        ([*FEATURE_FILES, "--names", "names.txt"], "names.txt: feature files have names of their own"),
        (["g.npy", *FEATURE_FILES], "give one .npy, or feature files"),
        (["f0.parquet", "queries.parquet"], "queries.parquet: lacks the column image_id or feature"),
    ):
        assert run(*WORDS[:5], "--gallery", *words, "--output", "r.parquet") == 1
        assert said in capsys.readouterr().err
    assert not (folder / "r.parquet").exists()


def test_parts_of_two_calls_merge_to_the_bytes_of_one(folder: Path):
    assert run(*WORDS, "--output", "whole.parquet") == 0
    for part in (1, 0):
        assert run(*WORDS, "--output", f"p{part}.parquet", "--part", part, "--n-parts", 2) == 0
    assert run(*WORDS, "--output", "merged.parquet", "--merge", "p1.parquet", "p0.parquet") == 0
    assert (folder / "merged.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    assert pq.read_schema("p0.parquet").names == schemas.PARTIAL_RANKINGS.names


def test_missing_doubled_and_foreign_parts_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    for part in range(3):
        assert run(*WORDS, "--output", f"p{part}.parquet", "--part", part, "--n-parts", 3) == 0
    for given in (("p0.parquet", "p2.parquet"), ("p0.parquet", "p1.parquet", "p1.parquet", "p2.parquet")):
        assert run(*WORDS, "--output", "merged.parquet", "--merge", *given) == 1
        assert "give each of the 5 blocks once" in capsys.readouterr().err
    assert run(*WORDS, "--output", "p2.parquet", "--part", 2, "--n-parts", 3, "--remove-reference", "True") == 0
    assert run(*WORDS, "--output", "merged.parquet", "--merge", "p0.parquet", "p1.parquet", "p2.parquet") == 1
    assert "p2.parquet: a part of another ranking" in capsys.readouterr().err
    assert run(*WORDS, "--output", "p2.parquet", "--part", 2, "--n-parts", 3) == 0
    np.save("g.npy", np.load("g.npy")[::-1])
    assert run(*WORDS, "--output", "p1.parquet", "--part", 1, "--n-parts", 3) == 0
    assert run(*WORDS, "--output", "merged.parquet", "--merge", "p0.parquet", "p1.parquet", "p2.parquet") == 1
    assert "the parts score the same images differently" in capsys.readouterr().err
    assert run(*WORDS, "--output", "p0.parquet", "--part", 0, "--n-parts", 3, "--merge", "p1.parquet") == 1
    assert not (folder / "merged.parquet").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda: np.save("g.npy", np.zeros(5, np.float32)), "g.npy: holds float32 of shape"),
        (lambda: Path("g.npy").unlink(), "g.npy: no such file"),
        (lambda: Path("g.npy").write_bytes(Path("g.npy").read_bytes()[:-100]), "g.npy: no whole array"),
        (lambda: Path("names.txt").write_text("i0\n", encoding="utf-8"), "names.txt: holds 1 names for the 300 images"),
        (
            lambda: pq.write_table(pq.read_table("queries.parquet").drop(["target_ids"]), "queries.parquet"),
            "queries.parquet: lacks the column target_ids",
        ),
        (lambda: np.save("q.npy", np.ones((9, 3), np.float32)), "give one row a query"),
        (lambda: np.save("g.npy", np.zeros((N, D), np.float32)), "NaN, infinite or zero"),
    ],
)
def test_what_cannot_be_ranked_is_refused_and_leaves_no_file(folder: Path, capsys, spoil, said: str):
    spoil()
    assert run(*WORDS, "--output", "r.parquet") == 1
    assert said in capsys.readouterr().err
    assert not (folder / "r.parquet").exists()
