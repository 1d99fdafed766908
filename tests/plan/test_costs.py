"""Costs: every figure has a source that states it, other backbones are scaled, and what nothing is known of is open."""

import re

import pytest

from cirque.data import download
from cirque.plan import costs
from cirque.plan.amounts import NOTHING, OPEN, Amount, Cost
from cirque.plan.dry_run import Job
from cirque.plan.figures import FIGURES
from tests.configurations import configured
from tests.conftest import REPOSITORY

PAPER, MINI = configured("paper"), configured("config")
REGISTRY = download.read_registry(REPOSITORY / "config/datasets.tsv")
SEEN = "image_set={}/preprocess=targetpad/backbone={}"


def cost(rule: str, path: str, *, config=PAPER, on_gpu: bool = True) -> Cost:
    return costs.of(Job(rule, (f"results/scale=paper/{path}",), on_gpu), config, REGISTRY)


def features(backbone: str, part: str = "00000", image_set: str = "circo") -> Cost:
    path = f"features/{SEEN.format(image_set, backbone)}/encoder_seed=0/{part}.parquet"
    return cost("extract_features", path)


def tokens(backbone: str, image_set: str = "unlabeled", inversion: str = "oti", part: str = "00000") -> Cost:
    path = f"tokens/inversion={inversion}/{SEEN.format(image_set, backbone)}/seed=42/{part}.parquet"
    return cost("invert_images", path)


def network(name: str, backbone: str) -> Cost:
    return cost("train_network", f"phi/network={name}/backbone={backbone}/seed=42/phi.safetensors")


# ---- figures -------------------------------------------------------------------------------------------------------


def written(value: float) -> set[str]:
    """How pages may write a figure: as it is, in milliseconds, in millions."""
    return {f"{value:,.10g}", f"{1000 * value:,.10g} ms", f"{value / 1e6:,.10g} million"}


@pytest.mark.parametrize(
    "name", [name for name, figure in FIGURES.items() if re.match(r"docs/|config/", figure.source)]
)
def test_the_source_of_a_figure_states_it(name):
    page = (REPOSITORY / re.split(r"[#,:]", FIGURES[name].source)[0]).read_text(encoding="utf-8")
    assert any(re.search(rf"(?<![\d,.]){re.escape(text)}(?![\d]|,\d)", page) for text in written(FIGURES[name].value))


def test_every_figure_has_a_unit_and_a_source():
    assert all(figure.value > 0 and figure.unit and figure.source for figure in FIGURES.values())


# ---- estimates -----------------------------------------------------------------------------------------------------


def test_the_last_part_and_the_last_shard_hold_what_is_left():
    of_parts = [features("ViT-L-14", f"{part:05d}", "cc3m").items.known for part in (0, 23)]
    assert of_parts == [125_000, 2_905_954 - 23 * 125_000]
    of_shards = [cost("shard_images", f"shards/image_set=circo/{shard:05d}.tar").items.known for shard in (0, 4)]
    assert of_shards == [25_000, 23_403]


def test_features_wait_for_the_threads_of_a_job_or_for_the_tower():
    decoding = 1138 / 16 * 4
    assert features("ViT-L-14").gpu.known == pytest.approx(123403 / decoding)
    assert features("ViT-B-32").gpu.known == pytest.approx(123403 / decoding)
    # bigG has 5.98 times the operations of an image: 1 / 582 + 4.98 / 953 seconds.
    assert features("ViT-bigG-14").gpu.known == pytest.approx(123403 * (1 / 582 + 4.98 / 953), rel=0.01)
    assert features("ViT-L-14").n_bytes == Amount(123403 * 768 * 4)


def test_a_step_of_oti_is_as_measured_and_never_below_what_the_host_needs():
    batches = 25_000 / 500
    assert tokens("ViT-L-14").gpu.known == pytest.approx(350 * batches * 0.170 * 500 / 512)
    assert tokens("ViT-L-14", "cirr_val").items.known == 2165  # of a benchmark's images the references alone
    few = tokens("ViT-L-14", "circo")
    assert few.items.known == pytest.approx(1017)
    assert few.gpu.known == pytest.approx(350 * (2 * 0.170 * 500 / 512 + 0.068))  # 500, 500 and 17


def test_what_was_not_measured_is_open():
    assert tokens("ViT-L-14", inversion="palavra").gpu == OPEN
    assert tokens("ViT-L-14", inversion="oti-prompt").gpu == OPEN
    assert network("searle", "ViT-L-14").gpu == OPEN
    assert network("searle", "ViT-L-14").items == Amount(50 * (100000 // 256))
    assert cost("write_page", "table_circo.html", on_gpu=False).processor == OPEN
    assert cost("write_page", "table_circo.html", on_gpu=False).gpu == NOTHING


@pytest.mark.parametrize(("backbone", "seconds"), [("ViT-L-14", 0.108), ("ViT-bigG-14", 0.260), ("ViT-B-32", 0.108)])
def test_lincir_is_as_measured_on_two_backbones_and_launches_as_many_kernels_on_the_smallest(backbone, seconds):
    """In fp32, but for the largest: in TF32, as the configuration says."""
    assert network("lincir", backbone).gpu == Amount(pytest.approx(20000 * seconds))


def test_a_combiner_takes_whole_batches_of_its_triplets():
    assert network("combiner-cirr", "ViT-L-14").items == Amount(300 * (28225 // 4096))
    assert network("combiner-fashioniq", "ViT-B-32").items == Amount(300 * (18000 // 4096))
    path = "phi/network=combiner-cirr/backbone=mini-B-16/seed=0/phi.safetensors"
    assert cost("train_network", path, config=MINI).items == OPEN


def test_lincir_on_another_backbone_lies_between_those_that_were_measured():
    assert 20000 * 0.108 < network("lincir", "ViT-H-14").gpu.known < 20000 * 0.397


def test_captions_are_counted_by_the_corpus():
    count = cost("encode_captions", "caption_features/corpus=sdp/backbone=ViT-L-14/encoder_seed=0/00000.parquet")
    assert count.items.known == pytest.approx(2.47e6 / 16)
    pairs = cost("encode_captions", "caption_features/corpus=cc3m-pairs/backbone=ViT-L-14/encoder_seed=0/00000.parquet")
    assert pairs.items.known == pytest.approx(2905954 / 16)


def test_a_file_has_the_bytes_of_the_registry():
    job = Job("fetch_file", (f"{PAPER['data_root']}/cc3m/GCC-training.tsv",))
    assert costs.of(job, PAPER, REGISTRY).n_bytes == Amount(564607502)


def test_no_figure_of_real_data_is_of_a_generated_world():
    path = f"features/{SEEN.format('circo', 'mini-B-16')}/encoder_seed=0/00000.parquet"
    mini = cost("extract_features", path, config=MINI)
    assert (mini.gpu, mini.processor, mini.items) == (OPEN, OPEN, Amount(1200))
    assert not mini.figures


def test_sums_say_that_something_is_open():
    assert Amount(2.0) + OPEN == Amount(2.0, is_open=True)
    assert (features("ViT-L-14") + features("ViT-B-32")).unit == "images"
