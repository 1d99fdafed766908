"""The gap is the distance of centroids of normalised features; noise goes onto raw captions; intervals hold it."""

import numpy as np
import pytest

from cirque.errors import CirqueError
from cirque.facts import modality_gap
from cirque.tables import build as tables
from cirque.training.noise import NOISES
from tests.evaluated import PUBLISHED

IDS = [f"c-{number}" for number in range(400)]


def features(seed: int, towards: float) -> np.ndarray:
    """Features [400, 6] of various lengths, most of which point one way on the first axis."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(len(IDS), 6)) + np.array([towards, 0, 0, 0, 0, 0])
    return (values * rng.uniform(1, 9, size=(len(IDS), 1))).astype(np.float32)


def test_the_gap_by_hand():
    images = np.array([[2.0, 0.0], [0.0, 5.0]], dtype=np.float32)  # centroid (½, ½)
    captions = np.array([[-3.0, 0.0], [0.0, 0.5]], dtype=np.float32)  # centroid (−½, ½)
    assert modality_gap.gap(modality_gap.pair_differences(images, captions, ["a", "b"])) == pytest.approx(1.0)


def test_which_caption_is_whose_does_not_enter_the_gap():
    images, captions = features(0, 2), features(1, -2)
    straight = modality_gap.pair_differences(images, captions, IDS)
    turned = modality_gap.pair_differences(images, captions[::-1], IDS)
    assert modality_gap.gap(straight) == pytest.approx(modality_gap.gap(turned))


def test_the_interval_holds_the_gap_and_repeats():
    differences = modality_gap.pair_differences(features(0, 2), features(1, -2), IDS)
    low, high = modality_gap.interval(differences, 500, 0, 0.95)
    assert low < modality_gap.gap(differences) < high < low + 0.2
    assert (low, high) == modality_gap.interval(differences, 500, 0, 0.95)
    assert (low, high) != modality_gap.interval(differences, 500, 1, 0.95)


def test_noise_is_added_to_the_raw_caption_and_belongs_to_it():
    captions = features(1, -2)
    assert np.array_equal(modality_gap.noisy(captions, "none", 0, IDS), captions)
    noisy = modality_gap.noisy(captions, "normal", 0, IDS)
    assert 0.9 < (noisy - captions).std() < 1.1
    assert np.array_equal(modality_gap.noisy(captions[5:6], "normal", 0, IDS[5:6])[0], noisy[5])


def test_every_noise_has_the_name_that_the_paper_prints():
    assert set(modality_gap.PRINTED_AS) == set(NOISES)
    printed = [
        row["row"]
        for row in tables.read_published(PUBLISHED).to_pylist()
        if (row["paper"], row["table"], row["metric"]) == ("LinCIR", "Table 1", "modality_gap")
    ]
    assert list(dict.fromkeys(printed)) == list(modality_gap.PRINTED_AS.values())


@pytest.mark.parametrize("broken", [0.0, np.nan, np.inf])
def test_a_feature_without_a_direction_is_refused_by_its_caption(broken):
    captions = features(1, -2)
    captions[3] = broken
    with pytest.raises(CirqueError, match="of the pairs c-3 is zero or not finite"):
        modality_gap.pair_differences(features(0, 2), captions, IDS)


def test_what_is_no_pairs_is_refused():
    for images, captions, ids in (
        (features(0, 2)[:3], features(1, 2), IDS),
        (features(0, 2)[:, :5], features(1, 2), IDS),
        (np.zeros((0, 6), np.float32), np.zeros((0, 6), np.float32), []),
    ):
        with pytest.raises(CirqueError, match="are no pairs"):
            modality_gap.pair_differences(images, captions, ids)
