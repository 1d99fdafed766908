"""Which data a table reads, through everything that its methods are made of."""

from cirque.data.download import read_registry
from cirque.plan import facts, needed_data, plots, presence, sources
from cirque.plan import jobs as plan
from cirque.plan.registry import fetched_files
from tests.conftest import REPOSITORY
from tests.plan.test_jobs import MINI, PAPER


def names(config, *tables):
    return {need.name for need in needed_data.needs(config, tables)}


def test_a_table_reads_what_its_networks_learn_from():
    found = names(PAPER, "cirr")
    assert {"queries of cirr_val", "queries of cirr_test1", "images of cirr_val", "images of cirr_test1"} <= found
    # SEARLE's images, Pic2Word's and LinCIR's captions, and the concepts of inversion.
    assert {"images of unlabeled", "images of cc3m", "corpus cc3m", "corpus sdp", "vocabulary of concepts"} <= found
    assert "images of circo" not in found


def test_a_table_that_ranks_nothing_reads_what_its_facts_name():
    assert names(PAPER, "lincir_costs") == set()
    assert "images of cc3m" in names(PAPER, "pic2word_finetuned")  # the backbone learned from them


def test_each_need_is_named_once_with_all_its_tables():
    needs = needed_data.needs(PAPER, plan.tables(PAPER))
    assert len({need.name for need in needs}) == len(needs)
    (cirr,) = [need for need in needs if need.name == "images of cirr_test1"]
    assert {"cirr", "lincir_corpus", "pic2word_design"} <= set(cirr.tables)
    assert (cirr.folders, cirr.n_images) == (("CIRR/test1",), 2315)


def test_every_file_of_a_rule_that_reads_annotations_is_needed():
    files = {file for need in needed_data.needs(MINI, plan.tables(MINI)) for file in need.files}
    for benchmark, entry in MINI["benchmarks"].items():
        prepared, given = sources.prepared_and_given(entry["dataset"])
        asked = {file.removeprefix("<data>/") for file in sources.query_files(MINI, benchmark, "<data>").values()}
        assert {*asked - prepared, *(given if asked & prepared else ())} <= files


# ---- what the data at hand do not allow ------------------------------------------------------------------------------

REGISTRY = REPOSITORY / "config/datasets.tsv"


def at(root):
    """The papers' configuration with its data below a folder."""
    return {**PAPER, "data_root": str(root)}


def with_missing(config):
    return {**config, "missing": needed_data.missing(config, REGISTRY)}


def test_without_data_no_benchmark_is_run_and_each_says_why(tmp_path):
    found = needed_data.missing(at(tmp_path), REGISTRY)
    assert set(found["benchmarks"]) == set(PAPER["benchmarks"]) - {"css_3d", "css_2d"}  # made out of nothing
    assert found["benchmarks"]["cirr_val"] == f"images of cirr_val: no CIRR/dev/ below {tmp_path}"
    assert found["benchmarks"]["coco"].startswith("queries of coco: no coco/annotations/instances_val2017.json")
    assert "image-text" not in found["methods"]
    assert found["methods"]["searle"].startswith("images of unlabeled: no ImageNet1K/test/")
    assert not plan.runs({**at(tmp_path), "missing": found}, "cirr")
    assert plots.names({**at(tmp_path), "missing": found}) == ["noise_norms", "reconstruction", "css_scenes"]


def test_a_released_css_is_of_a_person(tmp_path):
    found = needed_data.missing({**at(tmp_path), "css": None}, REGISTRY)
    assert "no css/css_toy_dataset_novel2_small.dup.npy" in found["benchmarks"]["css_3d"]
    assert set(found["benchmarks"]) == set(PAPER["benchmarks"])


def test_a_missing_set_costs_its_rows_and_not_the_table(tmp_path):
    (tmp_path / "CIRR/dev").mkdir(parents=True)
    config = with_missing(at(tmp_path))
    runs = plan.runs(config, "cirr")
    assert {run["benchmark"] for run in runs} == {"cirr_val"}
    assert {"image-only", "image-text", "captioning"} <= {run["method"] for run in runs}
    assert not {"searle", "lincir", "pic2word"} & {run["method"] for run in runs}
    (tmp_path / "ImageNet1K/test").mkdir(parents=True)
    assert "searle" in {run["method"] for run in plan.runs(with_missing(at(tmp_path)), "cirr")}


def test_a_missing_train_split_costs_the_row_that_learns_from_it_alone(tmp_path):
    (tmp_path / "CIRR/dev").mkdir(parents=True)
    config = with_missing(at(tmp_path))
    assert config["missing"]["trainings"]["cirr"] == f"images of cirr_train: no CIRR/train/ below {tmp_path}"
    assert "cirr_val" not in config["missing"]["benchmarks"]
    assert "tirg" not in {run["method"] for run in plan.runs(config, "cirr")}
    (tmp_path / "CIRR/train").mkdir()
    assert "tirg" in {run["method"] for run in plan.runs(with_missing(at(tmp_path)), "cirr")}


def test_a_combiner_needs_the_images_and_the_triplets_that_it_learns_from(tmp_path):
    (need,) = [one for one in needed_data.needs(PAPER, ["cirr"]) if one.name == "triplets of combiner-cirr"]
    assert "CIRR/cirr/captions/cap.rc2.train.json" in need.files
    (tmp_path / "CIRR/dev").mkdir(parents=True)
    config = with_missing(at(tmp_path))
    assert config["missing"]["methods"]["combiner-cirr"] == f"images of cirr_train: no CIRR/train/ below {tmp_path}"
    assert not [run for run in plan.runs(config, "cirr") if run["method"].startswith("combiner")]
    (tmp_path / "CIRR/train").mkdir()
    assert {run["method"] for run in plan.runs(with_missing(at(tmp_path)), "cirr")} >= {"combiner-cirr", "tirg"}


def test_only_a_table_with_a_composer_reads_the_train_split():
    assert "images of cirr_train" in names(PAPER, "cirr")
    assert "images of cirr_train" not in names(PAPER, "pic2word_design", "lincir_noise", "protocols")


def test_a_fact_whose_data_are_missing_is_not_stated_and_sizes_are_of_what_is_there(tmp_path):
    config = with_missing(at(tmp_path))
    assert facts.of_table(config, "lincir_gap") == []
    assert facts.counted(config) == ["css_3d", "css_2d"]  # made out of nothing
    assert facts.of_table(PAPER, "lincir_gap")


def test_status_and_workflow_agree_on_what_is_missing(tmp_path):
    entries = read_registry(REGISTRY)
    assert set(fetched_files(REGISTRY)) == {name for name, entry in entries.items() if entry.is_fetched}
    (tmp_path / "CIRR/dev").mkdir(parents=True)
    (tmp_path / "VG_100K_all").mkdir()  # one of two folders
    for need in needed_data.needs(at(tmp_path), plan.tables(PAPER)):
        states = {one.state for one in presence.look(need, tmp_path, entries, generated=False)}
        assert ("missing" in states) == bool(needed_data.absent(need, tmp_path, fetched_files(REGISTRY))), need.name


def test_a_fact_that_states_a_networks_settings_needs_none_of_its_data(tmp_path):
    assert "network" not in needed_data.missing(at(tmp_path), REGISTRY)["facts"]
    assert needed_data.needs(PAPER, ["pic2word_network"]) == []


def test_a_released_network_takes_the_place_of_what_it_would_learn_from():
    released = {"source": "released", "file": "SEARLE.pt", "sha256": "0" * 64}
    config = {**PAPER, "networks": {**PAPER["networks"], "searle": released}}
    own = config["tables"]["cirr"] | {"methods": ["searle"]}
    found = names({**config, "tables": {"cirr": own}}, "cirr")
    assert "released network searle" in found
    assert "images of unlabeled" not in found
