import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cirque.datasets import imagenet_r
from cirque.errors import CirqueError
from cirque.store import schemas

Rows = list[dict[str, Any]]

# ---- the real lists ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def official(annotations: Path) -> Rows:
    return imagenet_r.queries(annotations, "val")


def n_targets(rows: Rows, domain: str) -> list[int]:
    return [len(row["target_ids"]) for row in rows if row["group"] == domain]


def test_every_photograph_asks_once_for_each_domain(official: Rows):
    assert Counter(row["group"] for row in official) == dict.fromkeys(imagenet_r.DOMAINS, 10_000)
    assert len({row["query_id"] for row in official}) == 40_000
    assert all(row["captions"] == [row["group"]] for row in official)
    by_domain = [[row["reference_id"] for row in official if row["group"] == name] for name in imagenet_r.DOMAINS]
    assert all(references == by_domain[0] for references in by_domain)
    assert len(set(by_domain[0])) == 10_000


def test_the_gallery_of_all_domains_holds_the_photographs_too(annotations: Path, official: Rows):
    gallery = imagenet_r.gallery(annotations, "val")
    names = {name for name, _ in gallery}
    assert len(gallery) == len(names) == 16_983
    assert {group for _, group in gallery} == {""}
    assert {row["reference_id"] for row in official} <= names
    assert sum(name.startswith("real/") for name in names) == 10_000
    assert [name for name, _ in imagenet_r.images(annotations, "val")] == [name for name, _ in gallery]


@pytest.mark.parametrize(
    ("domain", "n_images", "n_classes", "n_without", "mean", "most_at_10", "most_at_50"),
    [
        ("cartoon", 3726, 153, 2350, 18.63, 41.36, 75.49),
        ("origami", 550, 106, 4700, 2.75, 50.13, 53.00),
        ("toy", 1511, 144, 2800, 7.56, 60.48, 72.00),
        ("sculpture", 1196, 142, 2900, 5.98, 63.75, 70.95),
    ],
)
def test_each_domain_has_its_published_counts_and_bounds_of_recall(
    official: Rows,
    domain: str,
    n_images: int,
    n_classes: int,
    n_without: int,
    mean: float,
    most_at_10: float,
    most_at_50: float,
):
    rows = [row for row in official if row["group"] == domain]
    targets = {row["reference_id"].split("/")[1]: tuple(row["target_ids"]) for row in rows}
    assert sum(map(len, targets.values())) == len({name for names in targets.values() for name in names}) == n_images
    assert sum(bool(names) for names in targets.values()) == n_classes
    counts = n_targets(official, domain)
    assert counts.count(0) == n_without
    assert round(sum(counts) / len(counts), 2) == pytest.approx(mean, abs=0.011)
    for k, most in ((10, most_at_10), (50, most_at_50)):
        recall = math.fsum(min(k, count) / count for count in counts if count) / len(counts)
        assert round(100 * recall, 2) == most


def test_a_target_is_of_the_photograph_s_class_and_of_the_domain_asked_for(official: Rows):
    for row in official[::50]:
        wnid = row["reference_id"].split("/")[1]
        assert all(name.startswith(f"imagenet-r/{wnid}/{row['group']}_") for name in row["target_ids"])


def test_an_official_query_is_read_to_the_letter(official: Rows):
    assert official[0]["query_id"] == "cartoon-0"
    assert official[0]["reference_id"] == "real/n04086273/ILSVRC2012_val_00015728.JPEG"
    assert official[0]["target_ids"][0] == "imagenet-r/n04086273/cartoon_2.jpg"
    assert {key: official[20_000][key] for key in ("query_id", "candidate_ids", "subset_ids", "full_caption")} == {
        "query_id": "toy-0",
        "candidate_ids": None,
        "subset_ids": None,
        "full_caption": None,
    }


def test_rows_share_the_lists_of_their_targets(official: Rows):
    assert len({id(row["target_ids"]) for row in official}) == 4 * 200


def test_the_official_rows_fit_the_schema(official: Rows):
    assert len(pa.Table.from_pylist(official, schema=schemas.QUERIES)) == 40_000


# ---- small lists and what can be wrong with them -------------------------------------------------------------------

REAL = ("imgnet/real/n00000001/ILSVRC2012_val_00000007.JPEG", "imgnet/real/n00000002/ILSVRC2012_val_00000003.JPEG")
STAR, HEART = 417, 5

QUERIES = [f"{REAL[0]} {STAR} ", f"{REAL[1]} {HEART} "]
TARGETS = [
    f"imgnet/imagenet-r/n00000001/toy_3.jpg {2000 + STAR} ",
    f"imgnet/imagenet-r/n00000001/cartoon_2.jpg {STAR} ",
    f"imgnet/imagenet-r/n00000002/cartoon_0.jpg {HEART} ",
    f"imgnet/imagenet-r/n00000001/toy_1.jpg {2000 + STAR} ",
    f"{REAL[1]} {6000 + HEART} ",
    f"{REAL[0]} {6000 + STAR} ",
]


def write(root: Path, queries: list[str] = QUERIES, targets: list[str] = TARGETS) -> Path:
    for role, lines in (("queries", queries), ("split", targets)):
        path = root / imagenet_r.annotation_files("val")[role]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
    return root


def test_queries_come_domain_after_domain_and_some_have_no_target(tmp_path: Path):
    rows = imagenet_r.queries(write(tmp_path), "val")
    assert [(row["query_id"], row["target_ids"]) for row in rows] == [
        ("cartoon-0", ["imagenet-r/n00000001/cartoon_2.jpg"]),
        ("cartoon-1", ["imagenet-r/n00000002/cartoon_0.jpg"]),
        ("origami-0", []),
        ("origami-1", []),
        ("toy-0", ["imagenet-r/n00000001/toy_3.jpg", "imagenet-r/n00000001/toy_1.jpg"]),
        ("toy-1", []),
        ("sculpture-0", []),
        ("sculpture-1", []),
    ]


def test_images_lie_where_the_list_says_in_its_order(tmp_path: Path):
    images = imagenet_r.images(write(tmp_path), "val")
    assert images[0] == ("imagenet-r/n00000001/toy_3.jpg", "imgnet/imagenet-r/n00000001/toy_3.jpg")
    assert [path for _, path in images] == [line.split()[0] for line in TARGETS]
    folders = imagenet_r.image_folders("val")
    assert all(path.startswith(folders) for _, path in images)


LEAVES = "expected imgnet/real/WNID/NAME or imgnet/imagenet-r/WNID/NAME and a label"

WRONG_TARGETS = {
    "no label": ("imgnet/imagenet-r/n00000001/toy_9.jpg ", LEAVES),
    "a label that is a word": ("imgnet/imagenet-r/n00000001/toy_9.jpg toy ", LEAVES),
    "a negative label": ("imgnet/imagenet-r/n00000001/toy_9.jpg -5 ", LEAVES),
    "a label in other digits": ("imgnet/imagenet-r/n00000001/toy_9.jpg ٤ ", LEAVES),
    "a way out": ("imgnet/imagenet-r/n00000001/../../../../etc/passwd 5 ", LEAVES),
    "a way out at the end": ("imgnet/imagenet-r/n00000001/.. 5 ", LEAVES),
    "a way out in the middle": ("imgnet/imagenet-r/../toy_9.jpg 5 ", LEAVES),
    "an absolute path": ("/etc/passwd 5 ", LEAVES),
    "another folder": ("imgnet/sketch/n00000001/toy_9.jpg 5 ", LEAVES),
    "no WordNet id": ("imgnet/imagenet-r/star/toy_9.jpg 5 ", LEAVES),
    "an image twice": (TARGETS[0], r"imgnet/imagenet-r/n00000001/toy_3\.jpg occurs twice"),
    "an unused domain": (f"imgnet/imagenet-r/n00000001/art_9.jpg {4000 + STAR} ", "its label is of domain 4"),
    "a photograph's label": (f"imgnet/imagenet-r/n00000001/toy_9.jpg {6000 + STAR} ", "its label is of domain 6"),
    "a photograph as toy": (f"imgnet/real/n00000001/a.JPEG {2000 + STAR} ", "its label is of domain 2"),
    "another class": (f"imgnet/imagenet-r/n00000001/toy_9.jpg {2000 + HEART} ", "the class of n00000001 is 417"),
    "another folder's class": (
        f"imgnet/imagenet-r/n00000003/toy_9.jpg {2000 + HEART} ",
        "the folder of class 5 is n00000002; get the official file again",
    ),
}


@pytest.mark.parametrize("name", WRONG_TARGETS)
def test_a_wrong_line_of_targets_is_refused_with_its_number(tmp_path: Path, name: str):
    line, message = WRONG_TARGETS[name]
    write(tmp_path, targets=[*TARGETS, line])
    for read in (imagenet_r.queries, imagenet_r.images, imagenet_r.gallery):
        with pytest.raises(CirqueError, match=rf"imgnet_targets\.txt: line 7: .*{message}"):
            read(tmp_path, "val")


def test_a_byte_order_mark_and_blank_last_lines_are_no_fault(tmp_path: Path):
    write(tmp_path, targets=TARGETS)
    usual = imagenet_r.gallery(tmp_path, "val")
    (file,) = tmp_path.rglob("imgnet_targets.txt")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes() + b"\n\n")
    assert imagenet_r.gallery(tmp_path, "val") == usual


WRONG_QUERIES = {
    "a photograph that is no candidate": (f"imgnet/real/n00000001/ILSVRC2012_val_00000008.JPEG {STAR} ", STAR),
    "a photograph of another class": (f"{REAL[1]} {STAR} ", STAR),
    "a rendering": ("imgnet/imagenet-r/n00000001/cartoon_2.jpg 417 ", STAR),
    "a label with a domain": (f"{REAL[1]} {6000 + HEART} ", 6000 + HEART),
}


@pytest.mark.parametrize("name", WRONG_QUERIES)
def test_a_query_that_is_no_photograph_of_the_candidates_is_refused(tmp_path: Path, name: str):
    line, label = WRONG_QUERIES[name]
    write(tmp_path, queries=[QUERIES[0], line])
    with pytest.raises(CirqueError, match=rf"imgnet_real_query\.txt: line 2: .* no photograph .* of class {label};"):
        imagenet_r.queries(tmp_path, "val")


@pytest.mark.parametrize("role", ["queries", "split"])
def test_a_list_that_is_missing_empty_or_not_utf_8_is_named(tmp_path: Path, role: str):
    path = write(tmp_path) / imagenet_r.annotation_files("val")[role]
    path.write_bytes("imgnet/é".encode("latin-1"))
    with pytest.raises(CirqueError, match=rf"{path.name}: byte 7 is not UTF-8"):
        imagenet_r.queries(tmp_path, "val")
    path.write_bytes(b"")
    with pytest.raises(CirqueError, match=rf"{path.name}: expected at least one line"):
        imagenet_r.queries(tmp_path, "val")
    path.unlink()
    with pytest.raises(CirqueError, match=rf"{path.name}: no such file; see docs/data\.md#imagenet_r"):
        imagenet_r.queries(tmp_path, "val")
    path.mkdir()
    with pytest.raises(CirqueError, match=rf"{path.name}: cannot be read"):
        imagenet_r.queries(tmp_path, "val")


def test_full_captions_are_taken_by_query(tmp_path: Path):
    write(tmp_path)
    side = tmp_path / "captions.json"
    captions = {f"{domain}-{i}": f"a {domain} of {i}" for domain in imagenet_r.DOMAINS for i in range(2)}
    side.write_text(json.dumps(captions))
    rows = imagenet_r.queries(tmp_path, "val", full_captions=side)
    assert {row["query_id"]: row["full_caption"] for row in rows} == captions
    del captions["toy-1"]
    side.write_text(json.dumps(captions))
    with pytest.raises(CirqueError, match=r"captions\.json: lacks 1 of 8 queries \(toy-1\)"):
        imagenet_r.queries(tmp_path, "val", full_captions=side)


def test_answers_and_unknown_splits_are_refused(tmp_path: Path):
    write(tmp_path)
    with pytest.raises(CirqueError, match=r"ImageNet-R tells its own targets; give no answers"):
        imagenet_r.queries(tmp_path, "val", tmp_path / "answers.json")
    for read in (imagenet_r.annotation_files, imagenet_r.image_folders):
        with pytest.raises(CirqueError, match="no split is called 'test'; there is val"):
            read("test")
