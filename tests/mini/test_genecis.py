import io
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from cirque.datasets import genecis as official
from cirque.errors import CirqueError
from cirque.mini import genecis
from cirque.mini.captions import full_caption
from cirque.mini.drawing import render
from cirque.mini.draws import draws
from cirque.mini.generators import genecis as generate_genecis
from cirque.mini.scenes import ATTRIBUTES, differences
from cirque.mini.words import NUMBERS

TASKS = (*genecis.CROPPED_TASKS, *genecis.WHOLE_TASKS)
CHANGES = [task for task in TASKS if task.changes]
SIZE = 64


@pytest.fixture(scope="module")
def benchmark():
    return genecis.make_benchmark(0, SIZE, 1200, 450)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    generate_genecis.generate(seed=0, image_size=SIZE, n_gallery=51, n_queries=13, data_root=root)
    return root


def pool_of(benchmark, task):
    return benchmark.cropped if task.name in benchmark.cropped.queries else benchmark.whole


def asked(benchmark, task):
    """Of each query: itself, and the scenes of reference, target and distractors."""
    pool = pool_of(benchmark, task)
    return [
        (q, pool.scenes[q.reference], pool.scenes[q.target], [pool.scenes[place] for place in q.distractors])
        for q in pool.queries[task.name]
    ]


def shows(query, target, scene):
    return getattr(scene, query.attribute) == getattr(target, query.attribute)


# ---- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_gallery", [48, 51, 100, 1200])
def test_there_are_exactly_as_many_pictures_as_asked_for_and_each_is_used(n_gallery):
    made = genecis.make_benchmark(1, SIZE, n_gallery, n_gallery // 4)
    assert (len(made.cropped.records), len(made.whole.records)) == (n_gallery // 2, n_gallery - n_gallery // 2)
    for pool in (made.cropped, made.whole):
        used = {p for qs in pool.queries.values() for q in qs for p in (q.reference, q.target, *q.distractors)}
        assert used == set(range(len(pool.records)))


def test_no_scene_of_a_pool_occurs_twice_and_no_picture_has_the_name_of_another(benchmark):
    for pool in (benchmark.cropped, benchmark.whole):
        assert len(set(pool.scenes)) == 600
        assert len({json.dumps(record) for record in pool.records}) == 600


def test_a_pool_has_as_few_values_as_give_enough_scenes():
    scenes = genecis.pool_scenes(625, draws(0, "any"))
    assert [len({getattr(scene, name) for scene in scenes}) for name in ATTRIBUTES] == [6, 6, 4, 6]
    assert [len({getattr(s, name) for s in genecis.pool_scenes(16, draws(0, "any"))}) for name in ATTRIBUTES] == [2] * 4


def test_a_canvas_holds_four_scenes_apart_from_each_other(benchmark):
    assert len({canvas.name for canvas in benchmark.canvases}) == len(benchmark.canvases) == 150
    assert [place for canvas in benchmark.canvases for place in canvas.scenes] == list(range(600))
    for canvas in benchmark.canvases:
        corners = list(canvas.scenes.values())
        assert len(corners) == 4
        assert all(0 <= start <= canvas.side - SIZE for corner in corners for start in corner)
        for number, (x, y) in enumerate(corners):
            assert all(max(abs(x - u), abs(y - v)) >= SIZE + 2 * (SIZE // 8) for u, v in corners[number + 1 :])


def test_the_official_crop_of_a_box_is_its_scene_and_at_most_a_gap_around_it(benchmark):
    gap = SIZE // 8
    borders, at_edge = Counter(), 0
    for canvas in benchmark.canvases:
        for place, (x, y) in canvas.scenes.items():
            box = tuple(benchmark.cropped.records[place]["instance_bbox"])
            left, top, right, bottom = official.window(box, canvas.side, canvas.side)
            around = (x - left, y - top, right - x - SIZE, bottom - y - SIZE)
            assert all(0 <= border <= gap for border in around)
            borders.update(around)
            at_edge += left == 0 and box[0] < 0.7 * box[2] - 1
    assert set(borders) == set(range(gap + 1))
    assert at_edge >= 10


# ---- queries -------------------------------------------------------------------------------------------------------


def test_each_task_has_a_quarter_of_the_queries_and_its_official_number_of_distractors(benchmark):
    assert tuple(task.name for task in TASKS) == official.TASKS
    for task in TASKS:
        assert len(asked(benchmark, task)) == 112
        for query, *_ in asked(benchmark, task):
            pictures = {query.reference, query.target, *query.distractors}
            assert len(pictures) == 2 + len(query.distractors) == 2 + official.N_DISTRACTORS[task.name]


def test_queries_are_about_each_attribute_in_turn_and_none_occurs_twice(benchmark):
    for task in TASKS:
        queries = [query for query, *_ in asked(benchmark, task)]
        assert [q.attribute for q in queries] == [task.attributes[i % len(task.attributes)] for i in range(112)]
        assert len({(q.attribute, q.reference, q.target) for q in queries}) == 112


def test_the_target_alone_shows_the_condition_and_is_that_near_to_the_reference(benchmark):
    for task in TASKS:
        for query, reference, target, distractors in asked(benchmark, task):
            nearest = genecis.distance(query.attribute, reference, target)
            answers = [
                scene
                for scene in (target, *distractors)
                if shows(query, target, scene) and genecis.distance(query.attribute, reference, scene) <= nearest
            ]
            assert answers == [target]


def test_a_focused_attribute_is_shared_by_reference_and_target_only(benchmark):
    for query, reference, target, distractors in asked(benchmark, TASKS[0]):
        assert shows(query, target, reference)
        assert not any(shows(query, target, scene) for scene in distractors)
        assert len(differences(reference, target)) >= 2


@pytest.mark.parametrize("task", CHANGES, ids=lambda task: task.name)
def test_the_target_of_a_change_is_the_reference_with_the_new_value(benchmark, task):
    for query, reference, target, _ in asked(benchmark, task):
        assert differences(reference, target) == (query.attribute,)


def test_the_reference_alone_does_not_find_the_target(benchmark):
    for task in TASKS:
        for query, reference, target, distractors in asked(benchmark, task):
            lacking = [scene for scene in distractors if not shows(query, target, scene)]
            assert sum(len(differences(reference, scene)) <= 2 for scene in lacking) >= 5


@pytest.mark.parametrize("task", TASKS[1:], ids=lambda task: task.name)
def test_a_condition_that_tells_a_value_does_not_find_the_target_alone(benchmark, task):
    for query, _, target, distractors in asked(benchmark, task):
        assert sum(shows(query, target, scene) for scene in distractors) == 5


def test_conditions_are_words_for_what_target_and_reference_share_or_for_the_new_value(benchmark):
    words = {task.name: {query.condition for query, *_ in asked(benchmark, task)} for task in TASKS}
    assert words["focus_attribute"] == {"shape", "color", "number", "background"}
    for query, _, target, _ in asked(benchmark, TASKS[1]):
        said = {"colour": target.colour, "count": NUMBERS[target.count]}
        assert query.condition == said.get(query.attribute, target.background)
    for task in genecis.WHOLE_TASKS:
        for query, _, target, _ in asked(benchmark, task):
            assert query.condition in (target.shape, genecis.THING_WORDS["background"][target.background])


def test_a_small_benchmark_passes_over_what_it_lacks():
    made = genecis.make_benchmark(0, SIZE, 40, 40)
    assert all(len(queries) == 10 for pool in (made.cropped, made.whole) for queries in pool.queries.values())


def test_the_same_seed_gives_the_same_benchmark_and_another_another():
    one, other = genecis.make_benchmark(3, SIZE, 60, 20), genecis.make_benchmark(4, SIZE, 60, 20)
    assert one == genecis.make_benchmark(3, SIZE, 60, 20)
    for ours, theirs in ((one.cropped, other.cropped), (one.whole, other.whole)):
        assert ours.scenes != theirs.scenes
        assert ours.queries != theirs.queries
        assert not [record for record in ours.records if record in theirs.records]


def test_numbers_that_do_not_fit_together_are_refused():
    with pytest.raises(CirqueError, match=r"n_gallery: crops and whole images have 2304 different scenes each"):
        genecis.make_benchmark(0, SIZE, 4610, 4)
    with pytest.raises(CirqueError, match=r"n_queries: 12 pictures give only 0 queries of focus_.*; raise n_gallery"):
        genecis.make_benchmark(0, SIZE, 24, 12)
    with pytest.raises(CirqueError, match=r"1 queries of each task show only 2\d of 50 pictures; raise n_queries or"):
        genecis.make_benchmark(0, SIZE, 100, 4)


# ---- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", official.TASKS)
def test_records_have_the_keys_and_types_of_the_official_ones(annotations, benchmark, task):
    theirs = json.loads((annotations / f"genecis/{task}.json").read_text())[0]
    pool = benchmark.cropped if task in benchmark.cropped.queries else benchmark.whole
    ours = genecis.task_records(pool, task)[0]
    assert list(ours) == list(theirs)
    assert [type(value) for value in ours.values()] == [type(value) for value in theirs.values()]
    for picture in (ours["reference"], ours["target"], *ours["gallery"]):
        assert {k: type(v) for k, v in picture.items()} == {k: type(v) for k, v in theirs["target"].items()}


def test_the_parser_of_the_official_files_reads_the_generated_ones(world):
    made = genecis.make_benchmark(0, SIZE, 51, 13)
    rows = official.queries(world, "v0", full_captions=world / "genecis/mini/full_captions.json")
    expected = [
        (f"{task.name}-{number}", task.name, [query.condition], full_caption(target))
        for task in TASKS
        for number, (query, _, target, _) in enumerate(asked(made, task))
    ]
    assert [(r["query_id"], r["group"], r["captions"], r["full_caption"]) for r in rows] == expected
    assert len(rows) == 12
    numbers = [f"{record['val_image_id']:012d}" for record in made.whole.records]
    for row, query in zip(rows[6:9], made.whole.queries["focus_object"], strict=True):
        assert row["reference_id"] == numbers[query.reference]
        assert row["candidate_ids"] == [numbers[place] for place in (query.target, *query.distractors)]


def test_every_listed_image_is_there_and_no_other(world):
    listed = official.images(world, "v0")
    assert len(listed) == 51
    paths = {path for _, path in listed}
    there = {f"{folder}/{p.name}" for folder in official.image_folders("v0") for p in (world / folder).iterdir()}
    assert there == paths
    assert Counter(path.rpartition("/")[0] for path in paths) == {"VG_100K_all": 7, "COCO2017/val2017": 26}
    for path in paths:
        image = Image.open(world / path)
        assert image.format == "JPEG"
        assert image.size == ((2 * (SIZE + 24),) * 2 if path.startswith("VG") else (SIZE, SIZE))


def test_every_picture_that_is_derived_shows_its_scene(world):
    made = genecis.make_benchmark(0, SIZE, 51, 13)
    names = {
        f"{r['image_id']}@{','.join(f'{v:.10g}' for v in r['instance_bbox'])}": place
        for place, r in enumerate(made.cropped.records)
    }
    names |= {f"{r['val_image_id']:012d}": place for place, r in enumerate(made.whole.records)}
    for name, path in official.images(world, "v0"):
        picture = Image.open(io.BytesIO(official.derive(name, (world / path).read_bytes())))
        place = names[name]
        scene = np.asarray(_scene(made, place, "@" in name)).astype(int)
        shown = np.asarray(picture.convert("RGB")).astype(int)
        gap = len(shown) - SIZE
        assert 0 <= gap <= 2 * (SIZE // 8)
        # JPEG changes a value by little; a shift by one pixel, or another scene, changes it by much.
        errors = {
            (x, y): np.abs(shown[y : y + SIZE, x : x + SIZE] - scene).mean()
            for x in range(gap + 1)
            for y in range(gap + 1)
        }
        assert min(errors.values()) < 4


def _scene(made, place, cropped):
    pool, kind = (made.cropped, "crop") if cropped else (made.whole, "whole")
    return render(pool.scenes[place], SIZE, draws(0, "genecis", kind, place, "picture"))


def test_the_same_seed_writes_the_same_bytes(world, tmp_path):
    generate_genecis.generate(seed=0, image_size=SIZE, n_gallery=51, n_queries=13, data_root=tmp_path)

    def contents(root):
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert contents(tmp_path) == contents(world)
    assert len(contents(world)) == 7 + 26 + 4 + 1
