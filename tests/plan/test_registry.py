"""Which files of the data root rules ask a proof of."""

from cirque.plan.registry import fetchable_files, proofs, provable_files
from tests.conftest import REPOSITORY

REGISTRY = REPOSITORY / "config/datasets.tsv"


def test_a_file_with_a_checksum_has_a_proof_and_any_other_has_none():
    files = ["<data>/CIRCO/annotations/val.json", "<data>/CIRR/dev/", "<data>/mine/captions.txt"]
    assert proofs(files, REGISTRY) == ["<scale>/released/CIRCO/annotations/val.json.json"]


def test_what_can_be_proven_can_be_fetched():
    assert set(provable_files(REGISTRY)) < set(fetchable_files(REGISTRY))
