import re
from collections import Counter
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cirque.datasets import imagenet_r as official
from cirque.errors import CirqueError
from cirque.mini import imagenet_r
from cirque.mini.drawing import render
from cirque.mini.draws import draws
from cirque.mini.generators import imagenet_r as generate_imagenet_r
from cirque.mini.scenes import BACKGROUNDS, COLOURS, SHAPES, Scene

DOMAINS = tuple(official.DOMAINS)


@pytest.fixture(scope="module")
def benchmark() -> imagenet_r.Benchmark:
    return imagenet_r.make_benchmark(0, 1200, 450)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    generate_imagenet_r.generate(seed=0, image_size=32, n_gallery=90, n_queries=50, data_root=root)
    return root


# ---- renderings ----------------------------------------------------------------------------------------------------


def drawn(number: int, size: int = 64) -> Image.Image:
    scene = Scene(SHAPES[number % 12], COLOURS[number % 8], 1 + number % 4, BACKGROUNDS[number % 6])
    return render(scene, size, draws(0, "test", number))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("size", [32, 64, 100])
def test_a_rendering_keeps_size_and_mode_and_is_the_same_again(domain: str, size: int):
    one, again = (imagenet_r.styled(drawn(3, size), domain) for _ in range(2))
    assert (one.size, one.mode) == ((size, size), "RGB")
    assert one.tobytes() == again.tobytes()


def test_renderings_differ_from_the_photograph_and_from_each_other():
    for number in range(12):
        photograph = drawn(number)
        pictures = [photograph, *(imagenet_r.styled(photograph, domain) for domain in DOMAINS)]
        for one, other in combinations(pictures, 2):
            assert np.abs(pixels(one) - pixels(other)).mean() > 8


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_rendering_shows_its_own_scene(domain: str):
    pictures = [pixels(imagenet_r.styled(drawn(number), domain)) for number in range(12)]
    assert min(np.abs(one - other).mean() for one, other in combinations(pictures, 2)) > 5


def test_a_sculpture_has_no_colour_and_a_cartoon_has_few():
    sculpture = pixels(imagenet_r.styled(drawn(1), "sculpture"))
    assert np.ptp(sculpture, axis=2).max() < 20
    cartoon = imagenet_r.styled(drawn(1), "cartoon").getcolors()
    assert cartoon is not None
    assert len(cartoon) <= 9


def test_an_unknown_domain_is_refused_with_the_known_ones():
    with pytest.raises(CirqueError, match="no domain is called 'sketch'; there are cartoon, origami, toy, sculpture"):
        imagenet_r.styled(drawn(0), "sketch")


# ---- captioned pictures --------------------------------------------------------------------------------------------


def test_captions_name_the_domains_in_turn_and_what_can_be_seen():
    pictures = list(imagenet_r.style_captions(0, 32, 40, 3))
    assert len(pictures) == 40
    for number, (picture, captions) in enumerate(pictures):
        assert (picture.size, len(captions)) == ((32, 32), 3)
        assert all(re.search(rf"\b{DOMAINS[number % 4]} of ", caption) for caption in captions)


def test_a_caption_does_not_tell_what_the_rendering_loses():
    scene = Scene("star", "red", 2, "striped")
    said = {domain: {imagenet_r.style_caption(scene, domain, draws(0, i)) for i in range(300)} for domain in DOMAINS}
    assert not [caption for caption in said["sculpture"] if "red" in caption]
    assert not [caption for caption in said["cartoon"] if "stripe" in caption or "fence" in caption]
    assert {"a toy of two red stars", "a origami of two red stars", "a cartoon of a star"} <= set().union(
        *said.values()
    )


def test_a_captioned_picture_does_not_depend_on_how_many_there_are():
    few, many = (list(imagenet_r.style_captions(0, 32, count, 2)) for count in (3, 9))
    for (one, said), (other, also) in zip(few, islice(many, 3), strict=True):
        assert (one.tobytes(), said) == (other.tobytes(), also)


# ---- the benchmark -------------------------------------------------------------------------------------------------


def test_the_gallery_has_the_size_asked_for_and_a_photograph_asks_four_times(benchmark: imagenet_r.Benchmark):
    assert len(benchmark.photographs) == 450 // 4
    assert len(benchmark.photographs) + len(benchmark.renderings) == 1200


def test_photographs_are_spread_over_all_classes(benchmark: imagenet_r.Benchmark):
    counts = Counter(of.scene.shape for of in benchmark.photographs)
    assert set(counts) == set(SHAPES)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_each_domain_lacks_some_classes_and_shows_the_others_equally_often(benchmark: imagenet_r.Benchmark):
    counts = Counter((of.domain, of.scene.shape) for of in benchmark.renderings)
    for domain in DOMAINS:
        assert sum(found == domain for found, _ in counts) == len(SHAPES) - imagenet_r.N_WITHOUT
    assert max(counts.values()) - min(counts.values()) <= 1


def test_looks_say_nothing_about_the_class(benchmark: imagenet_r.Benchmark):
    for shape in SHAPES:
        scenes = [of.scene for of in benchmark.renderings if of.scene.shape == shape]
        assert {scene.colour for scene in scenes} == set(COLOURS)
        assert {scene.background for scene in scenes} == set(BACKGROUNDS)


def test_no_path_occurs_twice_and_classes_have_numbers_of_their_own(benchmark: imagenet_r.Benchmark):
    everything = [*benchmark.photographs, *benchmark.renderings]
    assert len({of.path for of in everything}) == 1200
    assert len({(of.scene.shape, of.label % 1000) for of in everything}) == len({of.label % 1000 for of in everything})


def test_the_same_seed_gives_the_same_benchmark_and_another_another():
    assert imagenet_r.make_benchmark(3, 90, 40) == imagenet_r.make_benchmark(3, 90, 40)
    assert imagenet_r.make_benchmark(3, 90, 40) != imagenet_r.make_benchmark(4, 90, 40)


@pytest.mark.parametrize(
    ("n_gallery", "n_queries", "message"),
    [(20, 3, "n_queries: 3 is less than one photograph"), (13, 40, "n_gallery: 13 candidates leave 3 for pictures")],
)
def test_too_few_images_are_refused(n_gallery: int, n_queries: int, message: str):
    with pytest.raises(CirqueError, match=message):
        imagenet_r.make_benchmark(0, n_gallery, n_queries)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_the_parser_of_the_official_lists_reads_the_generated_ones(world: Path):
    benchmark = imagenet_r.make_benchmark(0, 90, 50)
    rows = official.queries(world, "val", full_captions=world / "imgnet/mini/full_captions.json")
    assert len(rows) == 4 * 12
    shown = {of.path.removeprefix("imgnet/"): of for of in [*benchmark.photographs, *benchmark.renderings]}
    for row in rows:
        shape = shown[row["reference_id"]].scene.shape
        right = [i for i, of in shown.items() if (of.domain, of.scene.shape) == (row["group"], shape)]
        assert sorted(row["target_ids"]) == sorted(right)
        assert row["full_caption"] == f"a {row['group']} of a{'n' * (shape == 'arrow')} {shape}"
    assert 0 < sum(not row["target_ids"] for row in rows) < len(rows) / 2


def test_lists_look_like_the_official_ones(annotations: Path, world: Path):
    for path in official.annotation_files("val").values():
        theirs, ours = ((root / path).read_text().splitlines() for root in (annotations, world))
        for form in (
            r"imgnet/real/n\d{8}/ILSVRC2012_val_\d{8}\.JPEG \d+ ",
            r"imgnet/imagenet-r/n\d{8}/\w+_\d+\.jpg \d+ ",
        ):
            assert any(re.fullmatch(form, line) for line in theirs) == any(re.fullmatch(form, line) for line in ours)


def test_every_listed_image_is_there_and_no_other(world: Path):
    paths = [path for _, path in official.images(world, "val")]
    assert len(paths) == 90
    written = {
        str(path.relative_to(world))
        for folder in official.image_folders("val")
        for path in (world / folder).glob("*/*")
    }
    assert written == set(paths)
    for path in paths:
        image = Image.open(world / path)
        assert (image.format, image.size) == ("JPEG", (32, 32))


def test_the_same_seed_writes_the_same_bytes(world: Path, tmp_path: Path):
    generate_imagenet_r.generate(seed=0, image_size=32, n_gallery=90, n_queries=50, data_root=tmp_path)

    def contents(root: Path) -> dict[Path, bytes]:
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert contents(tmp_path) == contents(world)
    assert len(contents(world)) == 90 + 3
