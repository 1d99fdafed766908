"""What stages hold at the papers' size is within what their rules ask for."""

import re
from typing import Any

import pytest

from cirque.plan import values
from cirque.plan.figures import FIGURES
from cirque.plan.layers import merged_files
from cirque.plan.memory import CAPTIONS_OF_PART, IMAGES_OF_PART, IMAGES_OF_SET, INPUTS, MEMORY, TEXTS_OF_BATCH
from tests.conftest import REPOSITORY

#: Bytes of a MB, as Slurm and Snakemake count them, in MiB.
MB = 1_000_000 / 2**20

PAPER = values.expanded(merged_files([REPOSITORY / "config/paper.yaml"], REPOSITORY / "config/papers.yaml"))
DOCS = (REPOSITORY / "docs/performance.md").read_text(encoding="utf-8")


def asked(rule: str) -> dict[str, Any]:
    """What a rule asks for: MB, and how many times its inputs."""
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "workflow/rules").glob("*.smk")]
    # Rules that are made for each group of runs have no names there, and a file of their own.
    own = (REPOSITORY / f"workflow/rules/{rule}.smk").read_text(encoding="utf-8") if rule == "evaluate" else ""
    text = next((text[text.index(f"rule {rule}:") :] for text in texts if f"rule {rule}:" in text), own)
    found = re.search(r"mem_mb=(\d+)([^)]*)\)", text)
    assert found, rule
    held = re.search(r"held=([\d.]+)", found[2])
    return {"mem_mb": int(found[1]), "held": float(held[1]) if held and "of=" not in found[2] else 0.0}


def image_sets(name: str) -> dict[str, Any]:
    """Image sets of the papers' scale that a job may be about."""
    sets = PAPER["image_sets"]
    if name == "associate_concepts":  # of the sets that are inverted, and not of the captioned ones
        return {image_set: entry for image_set, entry in sets.items() if image_set not in ("cc3m", "cc12m")}
    if name == "train_network combiner":
        networks = PAPER["networks"].values()
        return {one["image_set"]: sets[one["image_set"]] for one in networks if one["trainer"] == "combiner"}
    return dict(sets)


def most(unit: str, name: str) -> float:
    """How many items the largest job of the papers' scale has."""
    sets = image_sets(name)
    if unit == IMAGES_OF_SET:
        return float(max(entry["n_images"] for entry in sets.values()))
    if unit == IMAGES_OF_PART:
        of_part = PAPER["shards_per_part"]
        return float(max(min(entry["n_images"], entry["shard_size"] * of_part) for entry in sets.values()))
    if unit == TEXTS_OF_BATCH:
        return float(PAPER["inversions"]["oti"]["batch"] * PAPER["inversions"]["oti"]["steps"])
    assert unit == CAPTIONS_OF_PART
    counts = {
        name: FIGURES[entry["file"]].value for name, entry in PAPER["corpora"].items() if entry["file"] in FIGURES
    }
    assert "owt" in counts
    return max(count / PAPER["corpora"][name]["n_parts"] for name, count in counts.items())


@pytest.mark.parametrize("name", MEMORY)
def test_a_job_of_the_papers_size_holds_less_than_its_rule_asks_for(name: str):
    stated, rule = MEMORY[name], re.split(r"[ ,]", name)[0]
    ask = asked(rule)
    if stated.unit == INPUTS:
        assert stated.each <= ask["held"]
        assert stated.base <= ask["mem_mb"] * MB
    else:
        assert stated.of(most(stated.unit, name)) <= ask["mem_mb"] * MB


@pytest.mark.parametrize("name", MEMORY)
def test_the_page_on_memory_has_the_same_figures(name: str):
    stated = MEMORY[name]
    assert f"| {name} | {stated.base:,.0f} MiB | {stated.each:,g} bytes | {stated.unit} |" in DOCS


def test_what_the_page_says_of_the_papers_jobs_follows_from_them():
    n_images = PAPER["image_sets"]["cc12m"]["n_images"]
    gibibytes = {name: MEMORY[name].of(n_images) / 1024 for name in ("list_images", "shard_images", "extract_features")}
    for words, name in (("list takes", "list_images"), ("shards", "shard_images"), ("features", "extract_features")):
        assert f"{words} {gibibytes[name]:.1f} GiB" in DOCS
    assert f"5.8 million captions {MEMORY['train_network lincir'].each:g} times" in DOCS
    oti = most(TEXTS_OF_BATCH, "invert_images oti, batch")
    assert f"one for each image and step: {oti:,.0f} in OTI's" in DOCS
