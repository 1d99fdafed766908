"""config/published: every number of the papers is there, unchanged, under names that the metrics use."""

import csv
import re
from collections import Counter

import pytest

from cirque.errors import CirqueError
from cirque.tables import build as tables
from tests.configurations import configured
from tests.evaluated import NOT_RUN, PUBLISHED, REPOSITORY

SOURCES = REPOSITORY.parent / "shared" / "published"


@pytest.fixture(scope="module")
def published():
    return tables.read_published(PUBLISHED).to_pylist()


#: What we add to the name of a backbone where a row of the paper says that its weights were trained further.
FINE_TUNED = " fine-tuned on CC3M"

#: Rows of TIRG's tables that the sources name otherwise than the paper: table and name there, name in the paper.
AS_TIRG_PRINTS = {
    ("Table 1", "Parameter hashing"): "Param Hashing",
    ("Table 2", "Attribute as Operator"): "Att. as Operator",
    ("Table 4", "Concatenation"): "Concatenate",
    ("Table 5", "TIRG full model"): "Our Full Model",
    ("Table 5", "TIRG gated feature only"): "- gated feature only",
    ("Table 5", "TIRG residual feature only"): "- residue feature only",
    ("Table 5", "TIRG mod. at last fc"): "- mod. at last fc",
    ("Table 5", "TIRG mod. at last conv"): "- mod. at last conv",
    ("Table 5", "TIRG DML loss K=2"): "DML loss, K = 2",
    ("Table 5", "TIRG DML loss K=B"): "DML loss, K = B",
}

#: What TIRG calls ResNet-17 is torchvision's ResNet-18 without its last layer: one backbone, two names.
RESNETS = {"ResNet-18 trunk + LSTM": "ResNet-17 + LSTM"}


#: Rows whose backbone the paper does not print, and the one that stands beside them: the method's own as released, or
#: the paper's own.
UNPRINTED = {
    "TIRG (supervised on CIRR)": "ResNet-17 + LSTM",
    "Combiner (supervised on CIRR)": "ViT-L/14",
    "Combiner (supervised on FashionIQ)": "ViT-L/14",
}


def as_printed(row):
    """A figure of the sources under the names that the paper gives to row and backbone."""
    name = AS_TIRG_PRINTS.get((row["table"], row["method"])) if row["paper"] == "TIRG" else None
    backbone = RESNETS.get(row["backbone"], row["backbone"]) or UNPRINTED.get(row["method"], "")
    return row["paper"], row["table"], name or row["method"], backbone, row["value"], row["std"]


def test_every_number_of_the_sources_is_there_unchanged():
    if not SOURCES.is_dir():
        pytest.skip(f"the papers' numbers as they were collected: no folder {SOURCES}")
    ours, theirs = Counter(), Counter()
    for path in PUBLISHED:
        with path.open(newline="") as stream:
            ours.update(
                (r["paper"], r["table"], r["row"], r["backbone"].removesuffix(FINE_TUNED), r["value"], r["std"])
                for r in csv.DictReader(stream)
            )
        with (SOURCES / path.name).open(newline="") as stream:
            theirs.update(map(as_printed, csv.DictReader(stream)))
    assert ours == theirs
    assert ours.total() == 1100


def test_a_fine_tuned_backbone_is_stated_apart_where_the_row_says_so(published):
    stated = {row["row"] for row in published if row["backbone"].endswith(FINE_TUNED)}
    assert stated == {row["row"] for row in published if "fine-tuned" in row["row"]}
    assert len(stated) == 2


def test_no_figure_stands_twice(published):
    keys = Counter(
        tuple(row[key] for key in ("paper", "table", "row", "backbone", "dataset", "split", "subset", "metric"))
        for row in published
    )
    assert keys.most_common(1)[0][1] == 1


def test_cirr_has_one_name_for_each_split_and_metric(published):
    cirr = [row for row in published if row["dataset"] == "CIRR" and row["value"] < 1000]
    assert {row["split"] for row in cirr} == {"val", "test1"}
    assert {row["subset"] for row in cirr} == {""}
    assert all(re.fullmatch(r"R(_subset)?@\d+", row["metric"]) for row in cirr)


def test_table_2_of_searle_reads_as_printed(published):
    rows = [row for row in published if (row["paper"], row["table"]) == ("SEARLE", "Table 2")]
    assert len(rows) == 67
    searle = {row["metric"]: row["value"] for row in rows if row["row"] == "SEARLE"}
    assert searle == {
        "R@1": 24.00, "R@5": 53.42, "R@10": 66.82, "R@50": 89.78,
        "R_subset@1": 54.89, "R_subset@2": 76.60, "R_subset@3": 88.19,
    }  # fmt: skip


def test_methods_of_ours_are_known_by_our_names(published):
    paper = configured("paper")
    names = {(row["paper"], row["row"]): row["method"] for row in published}
    assert names["SEARLE", "SEARLE-XL"] == names["LinCIR", "SEARLE"] == "searle"
    assert names["SEARLE", "SEARLE-XL-OTI"] == "searle-oti"
    assert names["SEARLE", "Image + Text"] == names["Pic2Word", "Image+Text"] == "image-text"
    assert names["LinCIR", "LinCIR"] == "lincir"
    assert names["SEARLE", "Pic2Word"] == names["Pic2Word-supp", "Pic2Word"] == "pic2word"
    assert names["SEARLE", "Captioning"] == "captioning"
    assert names["Pic2Word", "TIRG (supervised on CIRR)"] == "tirg"
    assert names["Pic2Word", "Combiner (supervised on FashionIQ)"] == "combiner-fashioniq"
    assert names["TIRG", "Image only"] == "trained-image-only"
    assert names["TIRG", "Text only"] == "trained-text-only"
    ablation = {row["row"]: row["method"] for row in published if (row["paper"], row["table"]) == ("SEARLE", "Table 4")}
    assert ablation["OTI: w/o GPT reg"] == "searle-oti-prompt"
    assert ablation["phi: w/o distil"] == "searle-cycle"
    assert {row["method"] for row in published} <= {"", *paper["methods"]}


def test_every_row_of_tirg_has_a_method_of_ours_or_is_quoted_by_the_paper(published):
    rows = {(row["table"], row["row"]): row["method"] for row in published if row["paper"] == "TIRG"}
    assert {place for place, method in rows.items() if not method} == {
        ("Table 1", "Han et al."),
        *(("Table 3", name) for name in ("Analogous Attribute", "Red wine", "Attribute as Operator", "VisProd NN")),
        ("Table 3", "Label Embedded+"),
    }
    assert rows["Table 2", "Att. as Operator"] == "attribute-operator"
    assert rows["Table 5", "- residue feature only"] == "tirg-residual"
    assert rows["Table 5", "DML loss, K = B"] == "tirg-softmax"


def test_data_sets_of_tirg_are_split_by_what_is_asked_and_have_no_subsets(published):
    rows = [row for row in published if row["paper"] == "TIRG"]
    assert {row["subset"] for row in rows} == {""}
    assert {(row["dataset"], row["split"]) for row in rows} == {
        ("Fashion200k", "test"), ("MIT-States", "unseen_nouns"), ("MIT-States", "unseen_pairs"),
        ("CSS", "test_3d"), ("CSS", "test_2d"),
    }  # fmt: skip


def test_reasons_stand_beside_rows_that_are_printed_and_have_no_method_of_ours(tmp_path):
    rows = tables.read_published(PUBLISHED, NOT_RUN).to_pylist()
    stated = {row["row"] for row in rows if row["why_not"]}
    others = ("supervised", "GeneCIS combiner")
    expected = {row["row"] for row in rows if any(name in row["row"] for name in others)} - {*UNPRINTED}
    assert stated == expected | {row["row"] for row in rows if row["paper"] == "TIRG" and not row["method"]}
    path = tmp_path / "not_run.csv"
    for line, reason in (
        ("SEARLE,Nothing of the kind,because", r"not_run\.csv: line 2: SEARLE prints no row 'Nothing of the kind'"),
        ("SEARLE,PALAVRA,", "the reason is empty"),
        ("SEARLE,SEARLE-XL,because", "'SEARLE-XL' has a method of ours"),
    ):
        path.write_text(f"paper,row,why_not\n{line}\n")
        with pytest.raises(CirqueError, match=reason):
            tables.read_published(PUBLISHED, path)
    path.write_text("row,why_not\n")
    with pytest.raises(CirqueError, match="its columns must be paper, row, why_not"):
        tables.read_published(PUBLISHED, path)


def test_a_figure_that_is_no_number_is_refused_with_its_line(tmp_path):
    header = PUBLISHED[0].read_text().splitlines()[0]
    path = tmp_path / "paper.csv"
    path.write_text(f"{header}\nP,T,row,,ViT-B/32,CIRR,val,,R@1,1.5,\nP,T,row,,ViT-B/32,CIRR,val,,R@5,n/a,\n")
    with pytest.raises(CirqueError, match=r"paper\.csv: line 3: .*n/a"):
        tables.read_published([path])
    path.write_text("paper,value\nP,1\n")
    with pytest.raises(CirqueError, match="its columns must be paper, table, row"):
        tables.read_published([path])
