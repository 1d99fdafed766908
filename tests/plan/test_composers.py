"""Which composer a run takes, how it is trained, and what of a configuration does not fit together."""

import copy
from typing import Any

import pytest

from cirque.errors import CirqueError
from cirque.plan import composers, evaluation, jobs, needed_data
from cirque.plan.config import check
from tests.configurations import configured
from tests.conftest import REPOSITORY

MINI, PAPER = configured("config"), configured("paper")
SCHEMA = REPOSITORY / "config/config.schema.yaml"


def run(benchmark: str, method: str, seed: str = "0") -> dict[str, str]:
    return {"benchmark": benchmark, "backbone": "mini-resnet", "method": method, "seed": seed}


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(CirqueError) as caught:
        check(config, SCHEMA)
    return str(caught.value)


@pytest.mark.parametrize(
    ("benchmark", "method", "model"),
    [
        ("fashion200k", "tirg-last-fc", "tirg"),  # TIRG's own level there
        ("fashion200k", "tirg-last-conv", "tirg-last-conv"),
        ("fashion200k", "tirg-softmax", "tirg"),
        ("css_3d", "tirg-last-conv", "tirg"),
        ("css_3d", "tirg-last-fc", "tirg-last-fc"),
        ("mitstates", "tirg-triplet", "tirg"),
        ("mitstates", "concatenate", "concatenate"),
    ],
)
def test_methods_of_equal_settings_share_one_model(benchmark: str, method: str, model: str) -> None:
    assert composers.composer(PAPER, run(benchmark, method))["method"] == model


def test_the_papers_defaults_of_each_data_set() -> None:
    of = {name: composers.settings(PAPER, name, "tirg") for name in PAPER["trainings"]}
    assert {name: (entry["level"], entry["loss"]) for name, entry in of.items()} == {
        "fashion200k": ("fc", "batch-softmax"),
        "mitstates": ("fc", "soft-triplet-released"),
        "mitstates_pairs": ("fc", "soft-triplet-released"),
        "css_3d": ("conv", "soft-triplet-released"),
        "css_2d": ("conv", "soft-triplet-released"),
        "cirr": ("fc", "batch-softmax"),  # our choice
        "fashioniq": ("fc", "batch-softmax"),
    }
    assert {name: entry["trunk_rate"] for name, entry in of.items()} == {
        "fashion200k": 0.001,
        "mitstates": 0.001,
        "mitstates_pairs": 0.001,
        "css_3d": 0.01,
        "css_2d": 0.01,
        "cirr": 0.001,
        "fashioniq": 0.001,
    }
    assert {of[name]["weight_decay"] for name in ("fashion200k", "css_3d", "cirr", "fashioniq")} == {1e-6}
    assert of["mitstates"]["weight_decay"] == 5e-5
    assert all((entry["steps"], entry["batch"], entry["scale"]) == (160_000, 32, 4.0) for entry in of.values())
    assert all(entry["residual_start"] == 10.0 for entry in of.values())


def test_five_seeds_at_the_papers_scale_and_one_in_the_mini_scale() -> None:
    seeds = {run["seed"] for run in jobs.runs(PAPER, "tirg_css")}
    assert seeds == {"0", "1", "2", "3", "4"}
    assert {run["seed"] for run in jobs.runs(MINI, "tirg_css")} == {"0"}


def test_all_methods_of_a_benchmark_and_a_seed_are_one_job() -> None:
    groups = {group.name: group for group in composers.groups(MINI)}
    found = groups["css_3d-mini-resnet-0"]
    assert [run["method"] for run in found.runs][:2] == ["trained-image-only", "trained-text-only"]
    assert found.preprocess == "native"
    assert len(composers.weights(MINI, found)) == len({run["method"] for run in found.runs}) - 2  # shared models
    beside = [name for table in ("cirr", "fashioniq") for name in PAPER["tables"][table]["benchmarks"]]
    assert len(composers.groups(PAPER)) == 5 * (len(groups) + len(beside))


def test_a_composer_is_no_method_that_reads_frozen_features() -> None:
    assert all(not jobs.is_composed(MINI, run["method"]) for group in evaluation.groups(MINI) for run in group.runs)
    assert not jobs.is_composed(MINI, "searle")
    assert "tirg" not in evaluation.constraints_alone(MINI, "")["method"]


def test_references_in_2d_have_decoded_images_of_their_own() -> None:
    encoder = {"backbone": "b", "encoder_seed": "0"}
    found = composers.pixels(MINI, MINI["benchmarks"]["css_2d"], "native", encoder)
    assert "image_set=css_test_3d" in found["pixels"]
    assert "image_set=css_test_2d" in found["reference_pixels"]
    assert "reference_pixels" not in composers.pixels(MINI, MINI["benchmarks"]["css_3d"], "native", encoder)


def test_the_stage_gets_each_setting_once() -> None:
    found = composers.shape_and_settings(MINI, "css_3d", "tirg-last-fc")
    assert found["shape"]["level"] == "fc"
    assert found["settings"]["trunk_rate"] == 0
    assert not set(found["shape"]) & set(found["settings"])


def test_data_of_a_training_count_for_a_table() -> None:
    needs = needed_data.needs(PAPER, ["tirg_fashion200k", "tirg_css"])
    names = [need.name for need in needs]
    assert "images of fashion200k_train" in names
    assert "images of fashion200k_test" in names
    assert all(not need.files and not need.folders for need in needs if "css" in need.name)  # made by a rule


# ---- composers beside other methods --------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["cirr", "fashioniq"])
def test_tirg_stands_beside_the_methods_of_the_papers_scale(table: str) -> None:
    contents = jobs.contents(PAPER, table)
    assert contents["methods"][-1] == "tirg"
    assert contents["backbones"] == ["ViT-B-32", "ViT-L-14", "ViT-H-14", "ViT-bigG-14", "resnet18"]
    runs = jobs.runs(PAPER, table)
    of_tirg = [run for run in runs if run["method"] == "tirg"]
    assert {run["backbone"] for run in of_tirg} == {"resnet18"}
    assert {run["benchmark"] for run in of_tirg} == set(contents["benchmarks"])
    assert {run["seed"] for run in of_tirg} == {"0", "1", "2", "3", "4"}
    assert {run["method"] for run in runs if run["backbone"] == "resnet18"} == {"tirg"}
    assert {run["method"] for run in runs if run["backbone"] == "ViT-L-14"} == set(contents["methods"]) - {"tirg"}
    assert "tirg" not in jobs.contents(MINI, table)["methods"]


def test_benchmarks_of_a_data_set_share_a_model() -> None:
    found = {
        (made["training"], made["method"], made["seed"])
        for table in ("cirr", "fashioniq")
        for run in jobs.runs(PAPER, table)
        if run["method"] == "tirg"
        for made in [composers.composer(PAPER, run)]
    }
    assert found == {(name, "tirg", str(seed)) for name in ("cirr", "fashioniq") for seed in range(5)}


def mixed(**entry: Any) -> dict[str, Any]:
    tables = {"cirr": {"benchmarks": ["css_3d"], **entry}}
    return {**MINI, "tables": tables}


def test_in_a_mixed_table_composers_run_where_no_texts_are_read_and_others_where_they_are() -> None:
    backbones = ["mini-B-16", "mini-resnet"]
    runs = jobs.runs(mixed(methods=["image-only", "tirg"], backbones=backbones), "cirr")
    assert {(run["method"], run["backbone"]) for run in runs} == {("image-only", "mini-B-16"), ("tirg", "mini-resnet")}


def test_in_a_table_of_one_kind_the_table_says_where_its_methods_run() -> None:
    backbones = ["mini-B-16", "mini-resnet"]
    runs = jobs.runs(mixed(methods=["image-only"], backbones=backbones), "cirr")
    assert {run["backbone"] for run in runs} == set(backbones)


def test_a_table_may_keep_a_composer_to_no_backbone() -> None:
    entry = {"methods": ["image-only"], "backbones": ["mini-B-16"], "supervised": ["tirg"]}
    assert {run["method"] for run in jobs.runs(mixed(**entry), "cirr")} == {"image-only", "tirg"}
    kept = mixed(**entry, only={"tirg": ["mini-B-16"]})
    assert {run["method"] for run in jobs.runs(kept, "cirr")} == {"image-only"}


@pytest.mark.parametrize("config", [MINI, PAPER], ids=["mini", "paper"])
def test_a_page_of_queries_compares_on_one_backbone_and_seed(config: dict[str, Any]) -> None:
    found = jobs.query_runs(config)
    assert {"css_3d", "css_2d", "mitstates", "fashion200k", "cirr_val"} <= set(found)
    assert "mitstates_pairs" not in found  # its candidates are words
    for runs in found.values():
        assert len({(run["backbone"], run["seed"]) for run in runs}) == 1
    assert not any(jobs.is_composed(config, run["method"]) for run in found["cirr_val"])


def test_triplets_are_proven_and_needed_like_every_annotation_file() -> None:
    assert "<data>/CIRR/cirr/captions/cap.rc2.train.json" in composers.triplets(PAPER, "cirr")
    (need,) = [one for one in needed_data.needs(PAPER, ["cirr"]) if one.name == "triplets of cirr"]
    assert "CIRR/cirr/captions/cap.rc2.train.json" in need.files


def test_a_changed_module_of_a_test_server_runs_its_jobs_again() -> None:
    (hidden, *_) = [group for group in composers.groups(PAPER) if group.benchmark == "cirr_test1"]
    assert "cirque.submissions.cirr" in composers.modules(PAPER, hidden)


# ---- what does not fit together --------------------------------------------------------------------------------------


def changed(**changes: Any) -> dict[str, Any]:
    config = copy.deepcopy(MINI)
    for place, value in changes.items():
        *sections, key = place.split("__")
        node = config
        for section in sections:
            node = node[section]
        if value is None:
            node.pop(key)
        else:
            node[key] = value
    return config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"methods__tirg__composition": "gated"},
            "methods.tirg.composition: no composition is called 'gated'; there are",
        ),
        ({"methods__tirg__settings": {"colour": 1}}, "methods.tirg.settings: unknown colour; known are dim"),
        ({"methods__searle__settings": {"level": "fc"}}, "methods.searle.settings: are of a composition; name one"),
        ({"trainings__css_3d__loss": None}, "trainings.css_3d: needs loss"),
        ({"trainings__css_3d__loss": "triplet"}, "trainings.css_3d.loss: 'triplet' is not one of batch-softmax"),
        ({"benchmarks__css_3d__training": "css"}, "benchmarks.css_3d.training: 'css' is not described in the section"),
        ({"benchmarks__css_3d__training": None}, "tables.tirg_css: method trained-image-only is trained on a data set"),
        ({"tables__circo__supervised": ["tirg"]}, "tables.circo: method tirg is trained on a data set"),
        ({"tables__tirg_css__supervised": ["searle"]}, "tables.tirg_css.supervised: searle is no composition"),
        ({"tables__cirr__supervised": ["image-text"]}, "tables.cirr.supervised: image-text is no composition"),
        ({"tables__tirg_css__supervised": ["gated"]}, "tables.tirg_css.supervised: 'gated' is not described"),
        ({"trainings__css_2d__reference_set": "x"}, "trainings.css_2d.reference_set: 'x' is not described"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(changed(**changes))


def test_a_taught_trunk_is_a_resnets_alone() -> None:
    weights = copy.deepcopy(MINI["backbones"]["mini-resnet"]["weights"])
    assert "labelled is ResNet's alone, not clip's" in refusal(changed(**{"backbones__mini-B-16__weights": weights}))
