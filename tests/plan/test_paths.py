import pytest

from cirque.errors import CirqueError
from cirque.plan import paths
from cirque.plan.paths import KINDS


@pytest.mark.parametrize("name", KINDS)
def test_a_path_is_read_back_as_what_it_was_made_of(name: str):
    kind = KINDS[name]
    values = {wildcard: f"{wildcard}-1.0+x" for wildcard in kind.wildcards}
    found = paths.parse(f"somewhere/results/scale=mini/{kind.path(**values)}")
    assert found == (kind, {"scale": "mini", **values})


@pytest.mark.parametrize("name", KINDS)
def test_a_glob_matches_its_own_files(name: str, tmp_path):
    kind = KINDS[name]
    file = tmp_path / kind.path(**dict.fromkeys(kind.wildcards, "a"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert list(tmp_path.glob(kind.glob())) == [file]


def test_no_two_kinds_share_a_path():
    patterns = [kind.glob() for kind in KINDS.values()]
    assert len(set(patterns)) == len(patterns)


def test_a_missing_value_is_named():
    with pytest.raises(CirqueError, match="rankings: no value for method, seed"):
        KINDS["rankings"].path(benchmark="cirr_val", backbone="B")


def test_a_foreign_path_has_no_kind():
    assert paths.parse("results/cirque.duckdb") is None
