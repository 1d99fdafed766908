import csv
import re

import pytest

from cirque.datasets import circo
from cirque.plan import evaluation, facts, inputs, sources
from cirque.plan import jobs as plan
from tests.configurations import configured
from tests.conftest import REPOSITORY

MINI = configured("config")
PAPER = configured("paper")


def test_shards_cover_the_images_of_a_set():
    assert plan.shards(PAPER, "unlabeled") == [f"{index:05d}" for index in range(20)]
    entry = MINI["image_sets"]["cirr_val"]
    assert len(plan.shards(MINI, "cirr_val")) * entry["shard_size"] >= entry["n_images"]


def test_constraint_matches_its_names_and_nothing_else():
    pattern = re.compile(plan.one_of(["a.b", "c"]) + r"\Z")
    assert pattern.match("a.b")
    assert not pattern.match("axb")


def test_constraint_of_no_names_matches_nothing():
    assert re.match(plan.one_of([]), "") is None


def test_bound_is_not_run_where_the_answers_are_hidden():
    config = {**MINI, "benchmarks": {"cirr_test1": {**MINI["benchmarks"]["cirr_test1"], "answers": "hidden"}}}
    assert "upper-bound" in plan.methods_of(MINI, "cirr", "cirr_test1")
    assert "upper-bound" not in plan.methods_of(config, "cirr", "cirr_test1")


def test_only_learned_methods_run_once_a_seed():
    config = {**MINI, "run": {**MINI["run"], "seeds": [0, 1, 2]}}
    assert plan.seeds_of(config, "searle", "mini-B-16") == [0, 1, 2]
    assert plan.seeds_of(config, "image-only", "mini-B-16") == [0]


def test_on_a_backbone_that_is_trained_for_each_seed_every_method_runs_once_a_seed():
    own = {**MINI["backbones"]["mini-B-16"], "per_seed": True}
    config = {
        **MINI,
        "run": {**MINI["run"], "seeds": [0, 1, 2]},
        "backbones": {**MINI["backbones"], "mini-B-16": own},
    }
    runs = [run for run in plan.runs(config, "cirr") if run["method"] == "image-only"]
    seeds = {(run["backbone"], run["seed"]) for run in runs}
    assert seeds == {("mini-B-16", "0"), ("mini-B-16", "1"), ("mini-B-16", "2"), ("mini-L-16", "0")}
    assert plan.encoder(config, "mini-B-16", 2) == {"backbone": "mini-B-16", "encoder_seed": "2"}


def test_a_method_of_captions_alone_runs_once_for_its_captioner_has_a_seed_of_its_own():
    config = {**MINI, "run": {**MINI["run"], "seeds": [0, 1, 2]}}
    assert plan.needs(config, "captioning") == {"captions": "coca"}
    assert plan.seeds_of(config, "captioning", "mini-B-16") == [0]
    assert plan.captioners_from(MINI, "trained") == plan.captioners_from(PAPER, "pretrained") == ["coca"]
    assert plan.captioners_from(MINI, "pretrained") == []


def test_submissions_are_written_for_the_hidden_split_only():
    found = {
        (run["benchmark"], run["server_file"]) for table in plan.tables(PAPER) for run in plan.submissions(PAPER, table)
    }
    assert found == {("cirr_test1", "recall"), ("cirr_test1", "recall_subset"), ("circo_test", "submission")}


def test_a_hidden_split_that_no_server_takes_has_no_submission():
    """FashionIQ's test answers are in nobody's reach, and there is no server to send a file to."""
    benchmarks = {"fashioniq_test": {**PAPER["benchmarks"]["fashioniq_val"], "split": "test", "answers": "hidden"}}
    config = {**PAPER, "benchmarks": {**PAPER["benchmarks"], **benchmarks}}
    config["tables"] = {"fashioniq": {"benchmarks": ["fashioniq_test"], "methods": ["image-only"]}}
    assert plan.submissions(config, "fashioniq") == []
    (group, *_) = evaluation.groups(config)
    assert not any("submissions" in file for file in evaluation.outputs(config, group))


def test_a_table_holds_its_own_runs_or_those_of_all_tables():
    config = {**MINI, "tables": {"circo": {"benchmarks": ["circo_val"], "methods": ["searle"]}}}
    assert plan.contents(config, "circo") == {
        "benchmarks": ["circo_val"],
        "backbones": MINI["run"]["backbones"],
        "methods": ["searle"],
    }
    assert {(run["benchmark"], run["method"]) for run in plan.runs(config, "circo")} == {("circo_val", "searle")}


def test_a_method_may_be_kept_to_some_backbones_of_a_table():
    for config, backbone in ((MINI, "mini-L-16"), (PAPER, "ViT-L-14")):
        runs = plan.runs(config, "fashioniq")
        assert {run["backbone"] for run in runs if run["method"] == "searle-fashioniq"} == {backbone}
        own = set(config["run"]["backbones"])
        assert {run["backbone"] for run in runs if run["method"] == "searle-oti"} == own


def test_what_lincir_prints_of_larger_backbones_is_planned_and_nothing_else_on_them():
    """Every published figure of ViT-H/14 and ViT-G/14 with a method of ours has its run, and each run a figure."""
    backbones = {"ViT-H/14": "ViT-H-14", "ViT-G/14": "ViT-bigG-14"}
    with (REPOSITORY / "config/published/lincir.csv").open(newline="") as stream:
        printed = {
            (row["method"], backbones[row["backbone"]], row["dataset"])
            for row in csv.DictReader(stream)
            if row["backbone"] in backbones and row["method"] and row["dataset"]
        }
    planned = {
        (run["method"], run["backbone"], sources.title(PAPER["benchmarks"][run["benchmark"]]["dataset"]))
        for table in plan.tables(PAPER)
        for run in plan.runs(PAPER, table)
        if run["backbone"] in backbones.values()
    }
    assert planned == printed


def test_a_scale_without_larger_backbones_leaves_their_rows_out():
    used = {run["backbone"] for table in plan.tables(MINI) for run in plan.runs(MINI, table)}
    assert used <= {"mini-B-16", "mini-L-16", "mini-L-16-cc3m", "mini-blip-L-16", "mini-resnet"}
    assert not any(plan.also_on(MINI, table) for table in plan.tables(MINI))


def test_a_fine_tuned_backbone_starts_from_another_and_reads_the_list_of_its_images():
    for config, name, start in ((MINI, "mini-L-16-cc3m", "mini-L-16"), (PAPER, "ViT-L-14-cc3m", "ViT-L-14")):
        assert plan.backbones_from(config, "finetuned") == [name]
        assert plan.finetuning(config, name) == {"backbone": start, "image_set": "cc3m"}
        assert plan.finetuning_source(config, name) == {"dataset": "cc3m", "split": "train"}
        assert plan.finetuning_lists(config, name) == ["cc3m/cc/Train_GCC-training_output.csv"]
        assert {run["method"] for run in plan.runs(config, "pic2word_finetuned") if run["backbone"] == name} == {
            "text-only",
            "image-text",
        }


@pytest.mark.parametrize(
    ("method", "preprocess"),
    [
        ("image-text", "targetpad"),
        ("searle", "targetpad"),
        ("searle-oti-prompt", "targetpad"),
        ("palavra", "targetpad"),
        ("pic2word", "clip"),
        ("lincir", "clip"),
        ("lincir-visual", "clip"),
    ],
)
def test_only_searle_and_its_baselines_pad_pictures(method, preprocess):
    assert plan.preprocess(PAPER, "cirr_val", method) == preprocess
    assert plan.preprocess(PAPER, "cirr_val_clip", method) == "clip"
    assert plan.preprocess(PAPER, "cirr_val_padded", method) == "targetpad"


def test_baselines_see_images_as_the_paper_that_prints_them_does():
    for benchmark, seen in (
        ("imagenet_r", "clip"),
        ("coco", "clip"),
        ("cirr_val", "targetpad"),
        ("circo_val", "targetpad"),
    ):
        assert plan.preprocess(PAPER, benchmark, "image-text") == seen
    assert plan.preprocess(PAPER, "coco", "searle") == "targetpad"
    assert plan.finetuning_preprocess(PAPER, "ViT-L-14-cc3m") == "clip"


def test_a_network_learns_from_images_as_its_method_sees_them():
    trained = {name: entry for name, entry in PAPER["networks"].items() if entry["source"] == "trained"}
    for method in PAPER["methods"]:
        network = plan.needs(PAPER, method).get("phi")
        if network in trained:
            own = trained[network].get("preprocess", PAPER["preprocess"])
            assert own == plan.preprocess(PAPER, "cirr_val", method), method


def test_a_benchmark_has_its_own_preprocessing_or_that_of_its_methods():
    for config in (MINI, PAPER):
        for name, usual in (("cirr_val_clip", "cirr_val"), ("fashioniq_val_clip", "fashioniq_val")):
            other = {"preprocess": "clip", "beside_papers": False, "label": "CLIP's own crop"}
            assert config["benchmarks"][name] == {**config["benchmarks"][usual], **other}
            assert name in plan.contents(config, "protocols")["benchmarks"]


def test_circo_is_measured_by_every_semantic_aspect_that_the_queries_have():
    aspects = {f"mAP@10[{aspect}]" for aspect in circo.ASPECTS}
    assert aspects <= set(PAPER["benchmarks"]["circo_val"]["metrics"])
    assert aspects - set(MINI["benchmarks"]["circo_val"]["metrics"]) == {"mAP@10[viewpoint]"}  # which no mini query has


def test_every_table_of_a_configuration_has_its_query_and_its_page():
    for config in (MINI, PAPER):
        for table in plan.tables(config):
            assert (REPOSITORY / f"workflow/tables/table_{table}.sql").is_file()
            assert (REPOSITORY / f"docs/tables/{table}.md").is_file()


def test_a_variant_is_composed_by_the_method_that_it_varies():
    config = {"methods": {"searle": {}, "searle-oti": {}, "searle-random": {"compose": "searle"}}}
    assert plan.composer(config, "searle-random") == "searle"
    assert plan.composer(config, "searle-oti") == "searle-oti"


def test_a_network_that_is_not_trained_is_made_at_random():
    networks = {name: {"trainer": "searle", "source": name} for name in ("trained", "random")}
    assert inputs.trainer({"networks": networks}, "trained") == "searle"
    assert inputs.trainer({"networks": networks}, "random") == "random"


def test_the_benchmarks_on_an_image_set_say_which_images_are_references():
    assert plan.benchmarks_on(MINI, "circo") == ["circo_val", "circo_test"]
    assert plan.benchmarks_on(MINI, "unlabeled") == []
    assert sources.image_list(MINI, "cc3m") == "cc3m/cc/Train_GCC-training_output.csv"


def test_generated_answers_and_captions_lie_in_the_data_sets_own_folder():
    found = sources.query_files(MINI, "circo_test", "data/mini")
    assert found["answers"] == "data/mini/CIRCO/mini/answers.test.json"
    assert found["full_captions"] == "data/mini/CIRCO/mini/full_captions.json"
    assert "answers" not in sources.query_files(MINI, "circo_val", "data/mini")


def test_data_come_from_one_place():
    assert sources.data_source(MINI) == "generate"
    assert sources.data_source(PAPER) == "fetch"
    assert sources.data_source({**PAPER, "stand_in_pictures": {"seed": 0, "image_size": 256}}) == "rehearse"


def test_facts_are_stated_of_each_backbone_but_for_sizes():
    larger = ["ViT-H-14", "ViT-bigG-14"]
    for config, backbones in ((MINI, ["mini-L-16"]), (PAPER, ["ViT-L-14", *larger])):
        stated = [f"<scale>/facts/backbone={backbone}/gap.parquet" for backbone in backbones]
        assert facts.of_table(config, "lincir_gap") == stated
        assert facts.of_table(config, "pic2word_datasets") == ["<scale>/facts/sizes.parquet"]
        assert facts.of_table(config, "cirr") == []
        of_tirg = ["fashion200k", "mitstates", "css_3d", "css_2d"]
        assert facts.counted(config) == ["imagenet_r", "coco", "cirr_test1", "fashioniq_val", *of_tirg]


def test_a_table_of_facts_alone_has_no_runs():
    assert plan.runs(MINI, "pic2word_datasets") == []
    assert plan.submissions(MINI, "pic2word_datasets") == []
