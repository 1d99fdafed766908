import json
from pathlib import Path

import pytest

from cirque import submissions
from cirque.datasets import cirr
from cirque.errors import CirqueError
from cirque.submissions import cirr as server
from cirque.submissions.cirr import contents, pairs_of, validate

GALLERY = [f"image-{i}" for i in range(60)]
SUBSET = GALLERY[1:6]
QUERIES = [
    {"query_id": "7", "reference_id": GALLERY[0], "subset_ids": SUBSET},
    {"query_id": "8", "reference_id": GALLERY[9], "subset_ids": SUBSET},
]
PAIRS = pairs_of(QUERIES)
HERE = Path("recall.json")


def ranking(query: str) -> dict:
    return {"query_id": query, "top_ids": [n for n in GALLERY if n != PAIRS[query].reference_id], "subset_ids": SUBSET}


def good(metric: str) -> dict:
    return contents([ranking("7"), ranking("8")], metric)


@pytest.mark.parametrize(("metric", "length"), [("recall", 50), ("recall_subset", 3)])
def test_a_file_has_the_servers_two_keys_and_the_best_names_of_every_pair(metric: str, length: int):
    content = good(metric)
    assert list(content) == ["version", "metric", "7", "8"]
    assert (content["version"], content["metric"]) == ("rc2", metric)
    assert content["7"] == (ranking("7")["top_ids"] if metric == "recall" else SUBSET)[:length]
    assert validate(content, QUERIES, GALLERY, HERE) == f"{length} names each, scored for {metric}"


def changed(of: str = "recall", **changes: object) -> dict:
    return good(of) | changes


WRONG = {
    "no object": (["7"], "expected one JSON object"),
    "another version": (changed(version="rc1"), 'has no "version": "rc2"; found \'rc1\''),
    "no version": ({k: v for k, v in good("recall").items() if k != "version"}, 'has no "version"'),
    "another metric": (changed(metric="mAP"), "metric must be recall or recall_subset; found 'mAP'"),
    "no metric": ({k: v for k, v in good("recall").items() if k != "metric"}, "found None"),
    "a missing pair": ({k: v for k, v in good("recall").items() if k != "8"}, r"lacks 1 of 2 pairs \(8\)"),
    "an extra pair": (changed(**{"9": GALLERY[1:51]}), r"has 1 that the split has not \(9\)"),
    "too few names": (changed(**{"7": GALLERY[1:50]}), "pair 7: has 49 names, not 50"),
    "too many names": (changed("recall_subset", **{"7": SUBSET[:4]}), "pair 7: has 4 names, not 3"),
    "a name twice": (changed(**{"7": [GALLERY[1], *GALLERY[1:50]]}), "pair 7: names image-1 twice"),
    "its own reference": (changed(**{"7": GALLERY[:50]}), "pair 7: names its own reference image-0"),
    "an unknown name": (changed(**{"7": [*GALLERY[1:50], "x"]}), "pair 7: names x, not of the split"),
    "a name out of the set": (
        changed("recall_subset", **{"8": GALLERY[5:8]}),
        "pair 8: names image-6, image-7, not of",
    ),
    "names with their folder": (changed(**{"7": [f"./{n}.png" for n in GALLERY[1:51]]}), "not of the split"),
    "no list": (changed(**{"7": "image-1"}), "pair 7: must be a list of image names"),
    "numbers": (changed(**{"7": list(range(50))}), "pair 7: must be a list of image names"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_server_would_refuse_or_score_wrong_is_refused_before(name: str):
    content, message = WRONG[name]
    with pytest.raises(CirqueError, match=rf"recall\.json: .*{message}"):
        validate(content, QUERIES, GALLERY, HERE)


def test_all_wrong_answers_are_counted_and_the_first_named():
    content = changed(**dict.fromkeys(PAIRS, GALLERY[10:50]))
    with pytest.raises(CirqueError, match="2 of 2 answers are wrong: pair 7: has 40 names, not 50; pair 8: "):
        validate(content, QUERIES, GALLERY, HERE)


def test_a_gallery_of_less_than_fifty_others_is_answered_whole():
    few = GALLERY[:21]
    content = {"version": "rc2", "metric": "recall", "7": few[1:], "8": [n for n in few if n != GALLERY[9]]}
    assert validate(content, QUERIES, few, HERE).endswith("scored for recall")


def test_queries_without_an_image_set_have_no_such_server():
    with pytest.raises(CirqueError, match="1 queries have no image set"):
        pairs_of([{"query_id": "1", "reference_id": "a", "subset_ids": None}])


def test_a_file_larger_than_the_server_takes_is_neither_written_nor_read(tmp_path: Path):
    large = {"version": "rc2", "metric": "recall", "7": ["x" * 5_000_000]}
    with pytest.raises(CirqueError, match="the server takes 5,000,000 at most"):
        submissions.write(tmp_path / "recall.json", large, server)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "recall.json").write_text(json.dumps(large))
    with pytest.raises(CirqueError, match="the server takes 5,000,000 at most"):
        submissions.read(tmp_path / "recall.json", server)


def test_a_pair_that_stands_twice_in_a_file_is_refused(tmp_path: Path):
    (tmp_path / "recall.json").write_text('{"version": "rc2", "metric": "recall", "7": ["a"], "7": ["b"]}')
    with pytest.raises(CirqueError, match="'7' occurs twice"):
        submissions.read(tmp_path / "recall.json", server)


def test_what_is_written_is_read(tmp_path: Path):
    submissions.write(tmp_path / "recall.json", good("recall"), server)
    assert submissions.read(tmp_path / "recall.json", server) == good("recall")


# ---- real files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def test1(annotations: Path) -> tuple[list[dict], list[str]]:
    return cirr.queries(annotations, "test1"), [name for name, _ in cirr.images(annotations, "test1")]


def test_the_authors_own_example_file_is_accepted(annotations: Path, test1):
    path = annotations / "CIRR/demo_files/test1_pred_ranks_recall_subset.json"
    assert validate(submissions.read(path, server), *test1, path) == "3 names each, scored for recall_subset"


def test_the_authors_own_example_is_refused_with_one_pair_less(annotations: Path, test1):
    path = annotations / "CIRR/demo_files/test1_pred_ranks_recall_subset.json"
    content = submissions.read(path, server)
    del content["12063"]
    with pytest.raises(CirqueError, match=r"lacks 1 of 4148 pairs \(12063\)"):
        validate(content, *test1, path)


def test_the_real_recall_file_fits_into_what_the_server_takes(tmp_path: Path, test1):
    queries, gallery = test1
    rows = [
        {"query_id": query["query_id"], "top_ids": [name for name in gallery[:51] if name != query["reference_id"]]}
        for query in queries
    ]
    content = contents(rows, "recall")
    validate(content, queries, gallery, HERE)
    submissions.write(tmp_path / "recall.json", content, server)
    assert 3_900_000 < (tmp_path / "recall.json").stat().st_size < 5_000_000
