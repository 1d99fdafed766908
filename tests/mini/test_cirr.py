import json
from collections import Counter

import pytest

from cirque.errors import CirqueError
from cirque.mini import cirr
from cirque.mini.scenes import ATTRIBUTES, differences


@pytest.fixture(scope="module", params=["val", "test1"])
def benchmark(request):
    return cirr.make_benchmark(0, request.param, 1200, 450)


@pytest.fixture(scope="module")
def val():
    return cirr.make_benchmark(0, "val", 1200, 450)


def test_the_size_is_the_one_asked_for(benchmark):
    assert (len(benchmark.scenes), len(benchmark.names), len(benchmark.queries)) == (1200, 1200, 450)


def test_no_scene_and_no_name_occurs_twice(benchmark):
    assert len(set(benchmark.scenes)) == len(set(benchmark.names)) == 1200


def test_every_target_differs_from_its_reference_in_one_or_two_attributes(benchmark):
    for query in benchmark.queries:
        assert len(differences(benchmark.scenes[query.reference], benchmark.scenes[query.target])) in {1, 2}


def test_all_kinds_of_change_occur_about_equally_often(benchmark):
    kinds = Counter(differences(benchmark.scenes[q.reference], benchmark.scenes[q.target]) for q in benchmark.queries)
    assert set(kinds) == set(cirr.KINDS)
    assert sum(n for kind, n in kinds.items() if len(kind) == 1) == pytest.approx(225, abs=6)
    assert min(kinds.values()) > 30


def test_neither_the_reference_nor_the_caption_finds_the_target_alone(benchmark):
    for query in benchmark.queries:
        reference, target = benchmark.scenes[query.reference], benchmark.scenes[query.target]
        changed = set(differences(reference, target))
        like_reference = [
            s for s in benchmark.scenes if s.shape == reference.shape and changed & set(differences(s, target))
        ]
        meets_caption = [s for s in benchmark.scenes if s != target and not changed & set(differences(s, target))]
        assert len(like_reference) >= 5
        assert len(meets_caption) >= 5


def test_only_the_target_keeps_the_rest_of_the_reference_and_meets_the_caption(benchmark):
    for query in benchmark.queries:
        reference, target = benchmark.scenes[query.reference], benchmark.scenes[query.target]
        changed = set(differences(reference, target))
        stays = set(ATTRIBUTES) - changed
        right = [
            s
            for s in benchmark.scenes
            if not stays & set(differences(s, reference)) and not changed & set(differences(s, target))
        ]
        assert right == [target]


def test_the_members_of_an_image_set_are_alike(benchmark):
    apart = [
        len(differences(benchmark.scenes[start], scene))
        for start in range(0, 1200, 6)
        for scene in benchmark.scenes[start + 1 : start + 6]
    ]
    assert sum(n <= 2 for n in apart) / len(apart) > 0.9


@pytest.mark.parametrize("split", ["val", "test1"])
def test_records_have_the_keys_and_types_of_the_official_ones(annotations, split):
    def shape(value):
        if isinstance(value, dict) and not {"id", "pairid"} & set(value):
            return {type(v) for v in value.values()}  # target_soft: names are keys
        if isinstance(value, dict):
            return {key: shape(v) for key, v in value.items()}
        return [shape(value[0])] if isinstance(value, list) else type(value)

    folder = annotations / "CIRR" / "cirr"
    official = json.loads((folder / "captions" / f"cap.rc2.{split}.json").read_text())
    ours = cirr.caption_records(cirr.make_benchmark(0, split, 120, 40), 0)
    assert shape(ours[0]) == shape(official[0])
    assert list(ours[0]) == list(official[0])
    assert list(ours[0]["img_set"]) == list(official[0]["img_set"])


def test_references_and_targets_are_members_of_sets_of_six(val):
    for record in cirr.caption_records(val, 0):
        members = record["img_set"]["members"]
        assert len(set(members)) == 6
        assert {record["reference"], record["target_hard"]} <= set(members) <= set(val.names)
        assert record["target_soft"][record["target_hard"]] == 1.0
        assert record["reference"] not in record["target_soft"]


def test_the_hidden_split_tells_no_target():
    benchmark = cirr.make_benchmark(0, "test1", 120, 40)
    for record in cirr.caption_records(benchmark, 0):
        assert set(record) == {"pairid", "reference", "caption", "img_set"}
        assert set(record["img_set"]) == {"id", "members", "reference_rank"}
    assert set(cirr.answers(benchmark)) == {str(r["pairid"]) for r in cirr.caption_records(benchmark, 0)}


def test_pair_ids_are_unique_across_splits():
    benchmarks = [cirr.make_benchmark(0, split, 120, 40) for split in cirr.PREFIXES]
    ids = [record["pairid"] for benchmark in benchmarks for record in cirr.caption_records(benchmark, 0)]
    assert len(set(ids)) == 40 + 40 + 160


def test_train_has_four_times_the_queries_or_what_its_images_give():
    assert len(cirr.make_benchmark(0, "train", 1200, 450).queries) == 1800
    few = cirr.make_benchmark(0, "train", 48, 300)
    pairs = {(query.reference, query.target) for query in few.queries}
    assert 0 < len(pairs) == len(few.queries) < 1200


def test_images_of_train_lie_in_numbered_folders_as_the_official_ones():
    train = cirr.make_benchmark(0, "train", 1200, 450)
    paths = cirr.split_paths(train)
    assert paths["train-34-0-img0"] == "./train/34/train-34-0-img0.png"
    assert paths["train-134-2-img1"] == "./train/34/train-134-2-img1.png"
    assert list(paths) == train.names


def test_split_files_give_official_paths(val):
    paths = cirr.split_paths(val)
    assert paths["dev-0-0-img0"] == "./dev/dev-0-0-img0.png"
    assert list(paths) == val.names


def test_an_uneven_gallery_leaves_some_images_outside_all_sets():
    benchmark = cirr.make_benchmark(0, "val", 64, 10)
    in_sets = {m for record in cirr.caption_records(benchmark, 0) for m in record["img_set"]["members"]}
    assert not in_sets & set(benchmark.names[60:])


def test_more_than_the_world_can_give_is_refused():
    with pytest.raises(CirqueError, match="n_gallery"):
        cirr.make_benchmark(0, "val", 5000, 10)
    with pytest.raises(CirqueError, match="raise n_gallery"):
        cirr.make_benchmark(0, "val", 24, 400)
