"""Annotation files, the registry and configurations that somebody changed: a result, or one sentence with the file."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import harness

TARGETS = {name: target for name, target in harness.found().items() if target.driver == "hypothesis"}

#: Files that are tried of each target.
EXAMPLES = 12


def test_every_data_set_with_annotation_files_of_the_tests_is_a_target():
    found = {name.partition("_")[0] for name in TARGETS}
    assert {
        "cirr",
        "circo",
        "fashioniq",
        "genecis",
        "imagenet",
        "coco",
        "cc3m",
        "css",
        "mitstates",
        "fashion200k",
    } <= found


@pytest.mark.parametrize("name", TARGETS)
def test_a_changed_file_is_read_or_refused_by_its_name(name: str):
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="cirque-fuzz-") as top:
        folder = Path(top) / "inside"
        (folder / target.file).parent.mkdir(parents=True)
        valid = target.seeds(folder)
        for data in valid:
            assert harness.run(target, folder, data)

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(data=st.sampled_from(valid), draw=st.randoms(use_true_random=False))
        def tried(data: bytes, draw: random.Random) -> None:
            harness.run(target, folder, target.mutate(data, draw))

        tried()
