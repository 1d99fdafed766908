import json
from pathlib import Path

import pytest

from cirque import submissions
from cirque.errors import CirqueError
from cirque.submissions import circo as server

GALLERY = [str(number) for number in range(100, 160)]
QUERIES = [{"query_id": "0", "reference_id": "100"}, {"query_id": "1", "reference_id": "159"}]
HERE = Path("submission.json")


def good() -> dict:
    return server.contents([{"query_id": query["query_id"], "top_ids": GALLERY[:50]} for query in QUERIES])


def test_a_file_has_fifty_numbers_for_every_query_and_may_name_the_reference():
    content = good()
    assert list(content) == ["0", "1"]
    assert content["0"] == list(range(100, 150))
    assert server.validate(content, QUERIES, GALLERY, HERE) == "50 image ids a query, scored by mAP@5, 10, 25 and 50"


def test_digits_are_taken_for_numbers_as_the_evaluation_does():
    content = {query: [str(name) for name in names] for query, names in good().items()}
    server.validate(content, QUERIES, GALLERY, HERE)


WRONG = {
    "no object": ([], "expected one JSON object"),
    "a missing query": ({"0": good()["0"]}, r"lacks 1 of 2 queries \(1\)"),
    "an extra query": (good() | {"2": good()["0"]}, r"has 1 that the split has not \(2\)"),
    "too few": (good() | {"0": good()["0"][:49]}, "query 0: has 49 ids, not 50"),
    "too many": (good() | {"1": list(range(100, 151))}, "query 1: has 51 ids, not 50"),
    "an image twice": (good() | {"0": [100, *range(100, 149)]}, "query 0: names 100 twice"),
    "an image twice, once as digits": (good() | {"0": ["000000000100", *range(100, 149)]}, "query 0: names 100 twice"),
    "an unknown image": (good() | {"0": [7, *range(100, 149)]}, "query 0: names 7, not of COCO"),
    "no list": (good() | {"0": "100"}, "query 0: must be a list of image ids"),
    "a file name": (good() | {"0": ["a.jpg", *range(100, 149)]}, "query 0: must be a list of image ids"),
    "a truth value": (good() | {"0": [True, *range(100, 149)]}, "query 0: must be a list of image ids"),
    "a negative number": (good() | {"0": [-1, *range(100, 149)]}, "query 0: must be a list of image ids"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_server_would_refuse_or_score_wrong_is_refused_before(name: str):
    content, message = WRONG[name]
    with pytest.raises(CirqueError, match=rf"submission\.json: .*{message}"):
        server.validate(content, QUERIES, GALLERY, HERE)


def test_a_gallery_of_less_than_fifty_is_answered_whole():
    content = {"0": list(range(100, 110)), "1": list(range(100, 110))}
    assert server.validate(content, QUERIES, GALLERY[:10], HERE).startswith("10 image ids")


def test_there_is_one_server_file():
    with pytest.raises(CirqueError, match="no server file is called 'recall'; there is submission"):
        server.contents([], "recall")


def test_what_is_written_is_read(tmp_path: Path):
    submissions.write(tmp_path / "submission.json", good(), server)
    assert submissions.read(tmp_path / "submission.json", server) == good()


# ---- the authors' own example --------------------------------------------------------------------------------------


def test_the_authors_example_is_accepted(annotations: Path):
    path = annotations / "CIRCO/submission_examples/submission_val.json"
    content = submissions.read(path, server)
    truths = json.loads((annotations / "CIRCO/annotations/val.json").read_text())
    gallery = sorted({str(name) for names in content.values() for name in names})
    server.validate(content, [{"query_id": str(entry["id"])} for entry in truths], gallery, path)
