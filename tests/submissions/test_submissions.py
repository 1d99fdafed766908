from pathlib import Path

import pytest

from cirque import submissions
from cirque.errors import CirqueError


def test_every_module_of_the_folder_is_a_server():
    assert {"cirr", "circo"} <= set(submissions.names())
    for name in submissions.names():
        server = submissions.load(name)
        assert server.SPLIT
        assert server.FILES


def test_a_data_set_without_a_server_is_refused_with_those_that_have_one():
    with pytest.raises(CirqueError, match="data set imagenet: has no test server; there are circo, cirr"):
        submissions.load("imagenet")


def test_missing_and_unknown_queries_are_counted_and_named():
    with pytest.raises(
        CirqueError, match=r"f\.json: lacks 1 of 2 queries \(2\) and has 1 that the split has not \(3\)"
    ):
        submissions.require_queries(Path("f.json"), {"1": [], "3": []}, ["1", "2"], "queries")
