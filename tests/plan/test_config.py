import re
import typing
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from cirque import precisions
from cirque.errors import CirqueError
from cirque.families import STAGES
from cirque.plan import inputs
from cirque.plan import jobs as plan
from cirque.plan.calls import flags
from cirque.plan.config import check
from cirque.plan.layers import layered, read
from cirque.texts import templates
from tests.configurations import configured
from tests.conftest import REPOSITORY

SCHEMA = REPOSITORY / "config/config.schema.yaml"


def configuration(name: str = "config") -> dict:
    return configured(name)


def refusal(config: dict) -> str:
    with pytest.raises(CirqueError) as caught:
        check(config, SCHEMA)
    return str(caught.value)


@pytest.mark.parametrize("name", ["config", "paper"])
def test_shipped_configurations_are_accepted(name: str):
    check(configuration(name), SCHEMA)


@pytest.mark.parametrize(("over", "under"), [("rehearsal", "paper"), ("nightly", "config"), ("nightly", "paper")])
def test_configurations_laid_over_others_are_accepted(over: str, under: str):
    check(laid_over(over, under), SCHEMA)


def laid_over(over: str, under: str) -> dict:
    """Two layers as Snakemake merges them, over what the papers say."""
    merged = read(REPOSITORY / f"config/{under}.yaml")
    update_config(merged, read(REPOSITORY / f"config/{over}.yaml"))
    return layered(merged, REPOSITORY / "config/papers.yaml")


def test_the_nightly_run_trains_three_times():
    merged = laid_over("nightly", "config")
    seeds = {(run["method"], run["seed"]) for run in plan.runs(merged, "circo")}
    assert {seed for method, seed in seeds if method == "searle"} == {"0", "1", "2"}
    assert {seed for method, seed in seeds if method == "image-text"} == {"0"}


def test_unknown_key_is_named_with_those_that_exist():
    config = configuration()
    config["inversions"]["oti"]["stepz"] = 3
    assert "inversions.oti: unknown key stepz; known are kind, steps, learning_rate" in refusal(config)


def test_number_out_of_range_is_named():
    config = configuration()
    config["networks"]["searle"]["dropout"] = 1.0
    assert "networks.searle.dropout" in refusal(config)


def test_a_whole_number_with_a_point_is_refused():
    config = configuration()
    config["image_sets"]["cirr_val"]["n_images"] = 48.0
    assert "image_sets.cirr_val.n_images: 48.0 is not a whole number; write it without a point" in refusal(config)


def test_a_benchmark_s_prompt_without_the_words_is_refused():
    config = configuration()
    config["benchmarks"]["cirr_val"]["prompt"] = "a photo of $ that"
    assert "benchmarks.cirr_val.prompt: 'a photo of $ that' must hold {caption} once" in refusal(config)


def test_name_outside_its_list_is_named_with_the_list():
    config = configuration()
    config["networks"]["searle"]["loss"] = "eq4"
    assert "networks.searle.loss: 'eq4' is not one of released, paper" in refusal(config)


def test_yaml_number_without_a_point_is_explained():
    config = configuration()
    config["inversions"]["oti"]["learning_rate"] = yaml.safe_load("1e-4")
    assert "write" in refusal(config) or "wants a point" in refusal(config)


def test_every_fault_is_stated_at_once():
    config = configuration()
    config["inversions"]["oti"]["steps"] = 0
    config["networks"]["searle"]["epochs"] = 0
    message = refusal(config)
    assert "inversions.oti.steps" in message
    assert "networks.searle.epochs" in message


@pytest.mark.parametrize("section", ["backbones", "methods"])
def test_name_to_run_must_be_described(section: str):
    config = configuration()
    config["run"][section] = ["nowhere"]
    assert f"run.{section}: 'nowhere' is not described" in refusal(config)


def test_a_captioner_that_a_method_needs_must_be_described():
    config = configuration()
    config["methods"]["captioning"]["needs"]["captions"] = "blip"
    assert "methods.captioning.needs.captions: 'blip' is not described in the section captioners" in refusal(config)


def test_fault_in_an_alternative_speaks_of_the_chosen_one_only():
    config = configuration("paper")
    config["backbones"]["ViT-B-32"]["weights"] = {"source": "random"}
    message = refusal(config)
    assert "'seed' is a required property" in message
    assert "epochs" not in message


def test_a_network_that_reads_images_must_name_a_set_of_them():
    config = configuration()
    del config["networks"]["lincir-visual"]["image_set"]
    assert "networks.lincir-visual: 'image_set' is a required property" in refusal(config)
    config["networks"]["lincir-visual"]["image_set"] = "cc13m"
    assert "networks.lincir-visual.image_set: 'cc13m' is not described in the section image_sets" in refusal(config)
    config["networks"]["lincir-visual"]["input"] = "sound"
    assert "networks.lincir-visual.input: 'sound' is not one of text, image" in refusal(config)


def test_every_key_of_the_schema_is_described():
    undescribed = []

    def walk(node: object, path: str) -> None:
        if not isinstance(node, dict):
            return
        for key, value in node.get("properties", {}).items():
            if "description" not in value:
                undescribed.append(f"{path}.{key}")
            walk(value, f"{path}.{key}")
        for value in [node.get("additionalProperties"), *node.get("oneOf", [])]:
            walk(value, path)

    walk(yaml.safe_load(SCHEMA.read_text()), "")
    assert undescribed == []


def test_flags_keep_the_order_of_the_section_and_spread_lists():
    assert (
        flags({"max_length": 35, "metrics": ["R@1", "R@5"], "left": 1}, "left") == "--max-length 35 --metrics R@1 R@5"
    )


def test_flags_are_safe_for_a_shell():
    assert flags({"label": "a b; rm"}) == "--label 'a b; rm'"


@pytest.mark.parametrize("name", ["circo_val", "circo_test", "genecis", "genecis_released"])
def test_where_lincir_s_evaluation_printed_the_rows_all_methods_have_its_prompt(name):
    assert configuration("paper")["benchmarks"][name]["prompt"] == templates.PROMPT


@pytest.mark.parametrize(("name", "ties"), [("genecis", "target"), ("genecis_released", "target"), ("cirr_val", None)])
def test_a_target_of_genecis_wins_a_tie(name, ties):
    assert configuration("paper")["benchmarks"][name].get("ties") == ties


@pytest.mark.parametrize("name", ["cirr_val", "cirr_test1", "fashioniq_val"])
def test_elsewhere_each_method_has_its_own_prompt(name):
    assert "prompt" not in configuration("paper")["benchmarks"][name]


def test_a_released_network_is_one_entry_and_reads_its_checkpoint(tmp_path: Path):
    config = configuration("paper")
    entry = {"source": "released", "file": "large.pt", "sha256": "0" * 64}
    config["networks"]["lincir-released"] = {**entry, "by_backbone": {"ViT-B-32": {"file": "base.pt"}}}
    config["methods"]["lincir-released"] = {
        "label": "LinCIR, released",
        "compose": "lincir",
        "needs": {"phi": "lincir-released"},
    }
    check(config, SCHEMA)
    for backbone, file in (("ViT-L-14", "large.pt"), ("ViT-B-32", "base.pt")):
        assert inputs.trainer(config, "lincir-released") == "released"
        assert inputs.of_network(config, "lincir-released", backbone, "42")["checkpoint"] == file


def test_searle_s_phi_is_trained_half_as_long_on_vit_l_14():
    config = configuration("paper")
    epochs = {name: plan.network(config, "searle", name)["epochs"] for name in ("ViT-B-32", "ViT-L-14")}
    assert epochs == {"ViT-B-32": 100, "ViT-L-14": 50}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"ViT-L-14": {"epoch": 50}}, "unknown key epoch; known are"),
        ({"ViT-L-14": {"epochs": 0}}, "0 is less than the minimum of 1"),
        ({"ViT-L": {"epochs": 50}}, "'ViT-L' is not described in the section backbones"),
    ],
)
def test_what_a_network_is_on_a_backbone_is_checked_like_the_rest_of_it(value, sentence):
    config = configuration("paper")
    config["networks"]["searle"]["by_backbone"] = value
    refused = refusal(config)
    assert "networks.searle.by_backbone" in refused
    assert sentence in refused


def test_paper_values_are_the_released_code(tmp_path: Path):
    paper = configuration("paper")
    assert paper["inversions"]["oti"] | {"batch": None} == {
        "kind": "oti",
        "steps": 350,
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "init_std": 0.02,
        "lambda_cos": 1.0,
        "lambda_gpt": 0.5,
        "ema_decay": 0.99,
        "n_concepts": 15,
        "batch": None,
        "replace": "first",
        "regulariser": "phrases",
    }
    searle = paper["networks"]["searle"]
    assert (searle["learning_rate"], searle["temperature"], searle["n_concepts"]) == (1e-4, 0.25, 150)
    assert (
        paper["phrases"]["n_phrases"],
        paper["phrases"]["temperature"],
        paper["phrases"]["max_length"],
    ) == (256, 0.5, 35)


def test_a_method_that_is_kept_to_backbones_must_be_of_its_table_and_they_described():
    config = configuration()
    config["tables"]["fashioniq"]["only"] = {"searle": ["nowhere"], "searle-cycle": ["mini-L-16"]}
    message = refusal(config)
    assert "tables.fashioniq.only.searle: 'nowhere' is not described in the section backbones" in message
    assert "tables.fashioniq.only: 'searle-cycle' is not among the methods of this table" in message


def test_a_backbone_beside_a_tables_own_must_be_described_and_so_its_methods():
    config = configuration()
    config["tables"]["lincir_gap"]["also"] = {"nowhere": ["lincir"], "mini-B-16": ["searel"]}
    message = refusal(config)
    assert "tables.lincir_gap.also: 'nowhere' is not described in the section backbones" in message
    assert "tables.lincir_gap.also.mini-B-16: 'searel' is not described in the section methods" in message


def test_a_run_of_fewer_methods_has_fewer_on_the_backbones_beside_a_tables_own():
    config = configuration("paper")
    config["run"]["methods"] = ["image-only", "lincir"]
    check(config, SCHEMA)
    of_larger = {run["method"] for run in plan.runs(config, "circo") if run["backbone"] == "ViT-H-14"}
    assert of_larger == {"lincir"}


def test_a_precision_is_one_that_its_kind_of_stage_computes_in_and_of_a_backbone_that_is_described():
    config = configuration()
    config["precision"] = {
        **config["precision"],
        "networks": "fp16",
        "by_backbone": {"mini-B-16": {"composers": "fp8"}},
    }
    message = refusal(config)
    assert "precision.networks: 'fp16' is not one of fp32, tf32, bf16" in message
    assert "precision.by_backbone.mini-B-16.composers: 'fp8' is not one of fp32, tf32, bf16" in message
    config["precision"] = {**configuration()["precision"], "by_backbone": {"nowhere": {"texts": "bf16"}}}
    assert "precision.by_backbone: 'nowhere' is not described in the section backbones" in refusal(config)


def test_the_schema_allows_each_kind_of_stage_the_precisions_that_its_stages_take():
    allowed = yaml.safe_load(SCHEMA.read_text())["properties"]["precision"]["properties"]
    taken = {
        "features": ["extract_features"],
        "texts": ["encode_concepts", "encode_phrases", "encode_captions"],
        "phrases": ["sample_phrases"],
        "inversions": ["invert_images"],
        "networks": ["train_network"],
        "queries": ["evaluate"],
        "backbones": ["train_backbone", "finetune_backbone", "train_trunk"],
        "captioners": ["train_captioner", "caption_images"],
        "composers": ["train_composer", "evaluate_composers"],
    }
    assert set(taken) == set(allowed) - {"by_backbone"}
    for kind, stages in taken.items():
        for stage in stages:
            (of_stage,) = re.findall(r"precision: precisions\.(\w+)", STAGES.file(stage).read_text())
            assert list(typing.get_args(getattr(precisions, of_stage))) == allowed[kind]["enum"], (kind, stage)


def test_a_fine_tuned_backbone_starts_from_one_that_is_described_of_its_model_and_not_fine_tuned():
    for name, stated in (
        ("nowhere", "'nowhere' is not described in the section backbones"),
        ("mini-B-16", "'mini-B-16' is a mini-ViT-B-16, not a mini-ViT-L-16"),
        ("mini-L-16-cc3m", "'mini-L-16-cc3m' is fine-tuned itself"),
    ):
        config = configuration()
        config["backbones"]["mini-L-16-cc3m"]["weights"] |= {"backbone": name, "image_set": "cc3m"}
        assert f"backbones.mini-L-16-cc3m.weights.backbone: {stated}" in refusal(config)
    config = configuration()
    config["backbones"]["mini-L-16-cc3m"]["weights"]["image_set"] = "nowhere"
    assert "backbones.mini-L-16-cc3m.weights.image_set: 'nowhere' is not described" in refusal(config)


def test_a_plot_must_draw_what_is_described():
    config = configuration()
    config["plots"]["domains"]["tables"] = ["nowhere"]
    config["plots"]["training_time"]["scores"] = {"nothing": "R@1"}
    config["plots"]["training_time"]["methods"] = ["nobody"]
    config["plots"]["training_time"]["clock"] = "sun"
    message = refusal(config)
    assert "plots.training_time.clock: 'sun' is not one of wall, processor" in message
    config["plots"]["training_time"]["clock"] = "wall"
    message = refusal(config)
    assert "plots.domains.tables: 'nowhere' is not described in the section tables" in message
    assert "plots.training_time.methods: 'nobody' is not described in the section methods" in message
    assert "plots.training_time.scores: 'nothing' is not described in the section benchmarks" in message


def test_a_fact_must_be_described_by_names_that_are():
    config = configuration()
    config["facts"]["gap"]["corpus"] = "nowhere"
    del config["facts"]["towers"]
    message = refusal(config)
    assert "facts.gap.corpus: 'nowhere' is not described in the section corpora" in message
    assert "facts.towers: a table states it, and it needs seconds" in message


def test_an_inversion_must_name_a_network_and_a_network_a_corpus_that_are():
    config = configuration()
    config["inversions"]["palavra"]["network"] = "nowhere"
    config["networks"]["palavra"]["corpus"] = "coco"
    message = refusal(config)
    assert "inversions.palavra.network: 'nowhere' is not described in the section networks" in message
    assert "networks.palavra.corpus: 'coco' is not described in the section corpora" in message


def test_each_kind_of_inversion_has_keys_of_its_own():
    config = configuration()
    config["inversions"]["palavra"]["ema_decay"] = 0.9
    assert "inversions.palavra: unknown key ema_decay; known are kind, network, steps" in refusal(config)


def test_paper_values_of_palavra_are_the_released_code():
    paper = configuration("paper")
    palavra = paper["networks"]["palavra"]
    names = ("n_words", "set_size", "width", "epochs", "batch", "learning_rate", "alignment_rate", "dropout")
    assert [palavra[name] for name in names] == [1000, 5, 4096, 300, 256, 1e-4, 1e-4, 0.25]
    names = ("temperature", "lambda_gt", "decay", "decay_every", "schedule")
    assert [palavra[name] for name in names] == [0.25, 512, 0.2, 200, "released"]
    tokens = paper["inversions"]["palavra"]
    assert [tokens[name] for name in ("steps", "learning_rate", "temperature", "coarse")] == [
        30,
        0.01,
        0.25,
        "released",
    ]


def test_an_encoder_and_a_preprocessing_that_nobody_wrote_are_named_with_those_there_are():
    config = configuration()
    config["backbones"]["mini-B-16"]["encoder"] = "siglip"
    config["benchmarks"]["cirr_val"]["preprocess"] = "squish"
    refused = refusal(config)
    there = "blip, clip, coca"
    assert f"backbones.mini-B-16.encoder: 'siglip' has no module in cirque.encoders, which has {there}" in refused
    there = "clip, clip_fast, native, resnet, targetpad, targetpad_fast"
    assert f"'squish' has no module in cirque.data.preprocessing, which has {there}" in refused


@pytest.mark.parametrize("name", ["clip_fast", "targetpad_fast"])
def test_a_fast_preprocessing_is_one_word_for_all_or_for_one_benchmark(name: str):
    config = configuration()
    config["preprocess"] = name
    check(config, SCHEMA)
    assert plan.preprocess(config, "cirr_val", "searle") == name
    config = configuration()
    config["benchmarks"]["cirr_val"]["preprocess"] = name
    check(config, SCHEMA)
    assert plan.preprocess(config, "cirr_val", "searle") == name
    assert plan.preprocess(config, "circo_val", "searle") != name


def test_weights_that_an_encoder_cannot_have_are_refused():
    config = configuration()
    config["backbones"]["mini-B-16"]["encoder"] = "coca"
    assert "backbones.mini-B-16.weights.source: trained is an encoder's that reads texts, not coca's" in refusal(config)


def test_a_release_is_one_model_for_all_seeds():
    config = configuration("paper")
    config["backbones"]["ViT-B-32"]["per_seed"] = True
    assert "backbones.ViT-B-32.per_seed: a release is one model for all seeds; leave per_seed out" in refusal(config)


def test_a_ranking_of_others_is_of_a_benchmark_and_a_backbone_that_there_are():
    config = configuration()
    entry = {"label": "Mine", "source": "scored", "backbone": "mini-B-61", "rankings": {"cirr_vla": "a.trec"}}
    config["methods"]["mine"] = entry
    found = refusal(config)
    assert "methods.mine.rankings: 'cirr_vla' is not described in the section benchmarks" in found
    assert "methods.mine.backbone: 'mini-B-61' is not described" in found
    entry |= {"backbone": "mini-B-16", "rankings": {"cirr_val": "runs/$(touch x)"}}
    assert "methods.mine.rankings.cirr_val: 'runs/$(touch x)' holds" in refusal(config)
    entry["rankings"] = {"cirr_val": "a.trec"}
    config["benchmarks"]["cirr_val"]["answers"] = "hidden"
    assert "methods.mine.rankings: the answers of cirr_val are on a server" in refusal(config)
    del entry["backbone"]
    assert "backbone" in refusal(config)


def test_a_model_is_named_not_located():
    config = configuration("paper")
    config["backbones"]["ViT-B-32"]["model"] = "hf-hub:org/name"
    assert "backbones.ViT-B-32.model: 'hf-hub:org/name' names a place, not a model" in refusal(config)


def test_a_file_at_hand_has_its_checksum():
    config = configuration("paper")
    config["backbones"]["ViT-B-32"]["weights"] |= {"file": "~/ViT-B-32.pt"}
    assert "sha256" in refusal(config)
    config["backbones"]["ViT-B-32"]["weights"]["sha256"] = "0" * 64
    check(config, SCHEMA)


def test_a_table_whose_method_encodes_texts_by_an_encoder_of_images_alone_is_refused_and_the_advice_works():
    config = configuration()
    config["backbones"]["silent"] = {
        "stands_for": "none",
        "encoder": "coca",
        "model": "coca_ViT-B-32",
        "weights": {"source": "random", "seed": 0},
    }
    table = config["tables"]["cirr"]
    table |= {
        "backbones": ["mini-B-16", "silent"],
        "methods": ["image-only", "searle"],
        "supervised": ["combiner-cirr"],
    }
    assert (
        "tables.cirr: method searle encodes texts, but the encoder coca of backbone silent reads images alone; give the"
        " table methods that read image features alone, or `only: {searle: [NAME]}`"
    ) in refusal(config)
    table["only"] = {"searle": ["mini-B-16"], "combiner-cirr": ["mini-B-16"]}
    check(config, SCHEMA)
