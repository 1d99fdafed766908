import time

import pytest

from cirque.encoders import clip
from cirque.errors import CirqueError
from cirque.facts import tower_costs as towers
from tests import small_searle


@pytest.mark.parametrize(
    ("model", "visual", "textual"),
    [
        ("ViT-L-14-quickgelu", (24, 1024), (12, 768)),
        ("ViT-H-14", (32, 1280), (24, 1024)),
        ("ViT-bigG-14", (48, 1664), (32, 1280)),
    ],
)
def test_the_towers_are_those_that_lincir_prints(model, visual, textual):
    config = clip.read_config(model)
    for tower, (layers, width) in ((towers.VISUAL, visual), (towers.TEXTUAL, textual)):
        assert towers.shape(tower, config, model) == {"layers": layers, "hidden_dim": width}
    assert towers.patches(config, model) == 256


def test_a_tower_that_is_no_transformer_is_refused():
    config = clip.read_config("RN50")
    with pytest.raises(CirqueError, match=r"backbone RN50: layers \[3, 4, 6, 3\] .* visual encoder"):
        towers.shape(towers.VISUAL, config, "RN50")
    with pytest.raises(CirqueError, match="patch_size None give no number of patches"):
        towers.patches(config, "RN50")


def test_tokens_are_counted_with_start_and_end_up_to_the_context(tmp_path):
    backbone = small_searle.load_backbone(tmp_path)
    assert towers.count_tokens(backbone, ["", "a cat", "a photo of a cat"]) == 2 + 4 + 7
    assert towers.count_tokens(backbone, ["cat " * 200]) == backbone.context_length


def test_throughput_counts_whole_calls_after_one_to_warm_up():
    calls = []

    def run():
        calls.append(None)
        time.sleep(0.01)

    rate = towers.throughput(run, 5, seconds=0.05)
    assert len(calls) >= 2
    assert 0 < rate <= 5 / 0.01
    calls.clear()
    towers.throughput(run, 5, seconds=0.0)
    assert len(calls) == 2
