"""Which data a table reads, through everything that its methods are made of."""

from cirque.plan import data
from cirque.plan import jobs as plan
from tests.plan.test_jobs import MINI, PAPER


def names(config, *tables):
    return {need.name for need in data.needs(config, tables)}


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
    needs = data.needs(PAPER, plan.tables(PAPER))
    assert len({need.name for need in needs}) == len(needs)
    (cirr,) = [need for need in needs if need.name == "images of cirr_test1"]
    assert {"cirr", "lincir_corpus", "pic2word_design"} <= set(cirr.tables)
    assert (cirr.folders, cirr.n_images) == (("CIRR/test1",), 2315)


def test_every_file_of_a_rule_that_reads_annotations_is_needed():
    files = {file for need in data.needs(MINI, plan.tables(MINI)) for file in need.files}
    for benchmark in MINI["benchmarks"]:
        asked = plan.query_files(MINI, benchmark, "<data>").values()
        assert {file.removeprefix("<data>/") for file in asked} <= files


def test_a_released_network_takes_the_place_of_what_it_would_learn_from():
    released = {"source": "released", "file": "SEARLE.pt", "sha256": "0" * 64}
    config = {**PAPER, "networks": {**PAPER["networks"], "searle": released}}
    own = config["tables"]["cirr"] | {"methods": ["searle"]}
    found = names({**config, "tables": {"cirr": own}}, "cirr")
    assert "released network searle" in found
    assert "images of unlabeled" not in found
