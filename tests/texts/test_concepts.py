from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cirque.encoders import text
from cirque.errors import CirqueError
from cirque.store import files, schemas
from cirque.texts import concepts
from cirque.texts.templates import TEMPLATES
from tests import small_searle


def vocabulary(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "classes.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_real_vocabulary_has_20931_distinct_names_in_its_order(annotations: Path) -> None:
    names = concepts.read_vocabulary(annotations / "openimages" / "oidv7-class-descriptions.csv")
    assert len(names) == len(set(names)) == 20_931
    assert names[:3] == ["'Nduja", "10 cane", "100 metres hurdles"]
    assert sum("," in name for name in names) == 13
    assert sum(name.islower() for name in names) == 25


def test_names_are_kept_as_they_are(tmp_path: Path) -> None:
    path = vocabulary(
        tmp_path, 'LabelName,DisplayName\n/m/1,"Salt, coarse"\r\n/m/2,"The ""best"""\n/m/3,día\n/m/4,NaN\n'
    )
    assert concepts.read_vocabulary(path) == ["Salt, coarse", 'The "best"', "día", "NaN"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1 must be LabelName,DisplayName"),
        ("id,name\n/m/1,Cat\n", "line 1 must be LabelName,DisplayName"),
        ("LabelName,DisplayName\n", "holds no class"),
        ("LabelName,DisplayName\n/m/1,Cat\n/m/2,Cat\n", r"class 2 \(/m/2,Cat\): the name 'Cat' occurs twice"),
        ("LabelName,DisplayName\n/m/1,Salt, coarse\n", "3 columns instead of 2; quote names"),
        ("LabelName,DisplayName\n/m/1, Cat\n", "empty or has spaces at its ends"),
        ("LabelName,DisplayName\n/m/1,\n", "empty or has spaces at its ends"),
        ("LabelName,DisplayName\n/m/1,Cat $\n", "stands for the pseudo token"),
        ('LabelName,DisplayName\n/m/1,"Cat\n', "broken CSV"),
        (b"LabelName,DisplayName\n/m/1,d\xeda\n", "not UTF-8"),
    ],
)
def test_a_broken_vocabulary_is_an_error(content: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match=message):
        concepts.read_vocabulary(vocabulary(tmp_path, content))


def test_a_missing_vocabulary_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="no such file"):
        concepts.read_vocabulary(tmp_path / "classes.csv")


def test_a_class_embedding_is_the_normalised_mean_of_24_normalised_texts(tmp_path: Path) -> None:
    backbone = small_searle.load_backbone(tmp_path)
    names = [f"Thing {number}" for number in range(concepts.NAMES_AT_ONCE)] + small_searle.CONCEPTS
    found = np.concatenate(list(concepts.class_embeddings(names, backbone)))
    assert len(TEMPLATES) == 24
    for name, embedding in zip(names, found, strict=True):
        total = np.zeros(small_searle.DIM)
        for template in TEMPLATES:
            with torch.no_grad():
                feature = text.encode(backbone, [template.replace("{}", f" {name} ")])[0].double().numpy()
            total += feature / np.linalg.norm(feature)
        assert np.allclose(embedding, total / np.linalg.norm(total), atol=1e-5)


@st.composite
def associations(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Images and concepts on a coarse grid, so that many similarities are equal."""
    n_images, n_concepts, dim = draw(st.integers(1, 6)), draw(st.integers(1, 12)), draw(st.integers(1, 3))
    numbers = st.integers(-1, 1)
    images = draw(st.lists(st.lists(numbers, min_size=dim, max_size=dim), min_size=n_images, max_size=n_images))
    names = draw(st.lists(st.lists(numbers, min_size=dim, max_size=dim), min_size=n_concepts, max_size=n_concepts))
    return np.array(images, np.float32) + 0.5, np.array(names, np.float32), draw(st.integers(1, n_concepts))


@given(associations())
def test_the_nearest_concepts_are_those_of_a_plain_sort(case: tuple[np.ndarray, np.ndarray, int]) -> None:
    images, names, n_stored = case
    ((best, similarities),) = concepts.nearest(images, names, n_stored)
    scores = (images / np.linalg.norm(images, axis=1, keepdims=True)) @ names.T
    for row in range(len(images)):
        plain = sorted(range(len(names)), key=lambda column: (-scores[row, column], column))[:n_stored]
        assert best[row].tolist() == plain
        assert np.array_equal(similarities[row], scores[row, plain])


def test_blocks_of_images_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    images, names = generator.normal(size=(25, 6)), generator.normal(size=(40, 6))
    ((whole, _),) = concepts.nearest(images, names, 7)
    monkeypatch.setattr(concepts, "IMAGES_AT_ONCE", 4)
    parts = [best for best, _ in concepts.nearest(images, names, 7)]
    assert len(parts) == 7
    assert np.array_equal(np.concatenate(parts), whole)


def test_the_length_of_an_image_feature_does_not_count() -> None:
    generator = np.random.default_rng(0)
    images, names = generator.normal(size=(5, 6)), generator.normal(size=(40, 6))
    ((best, similarities),) = concepts.nearest(images, names, 7)
    ((again, same),) = concepts.nearest(images * 40, names, 7)
    assert np.array_equal(best, again)
    assert np.allclose(similarities, same)


def test_more_concepts_than_there_are_is_an_error() -> None:
    with pytest.raises(CirqueError, match=r"n_stored is 5, but the vocabulary has only 4 concepts"):
        list(concepts.nearest(np.ones((1, 3)), np.ones((4, 3)), 5))


def test_features_of_two_backbones_are_an_error() -> None:
    with pytest.raises(CirqueError, match="different backbones"):
        list(concepts.nearest(np.ones((1, 3)), np.ones((4, 2)), 1))


def test_concepts_are_read_in_the_asked_order_stripped_and_without_repeats_before_the_cut(tmp_path: Path) -> None:
    rows = [
        {"image_id": "a.png", "concepts": ["Sun", "Box", "Cat"], "similarities": [0.3, 0.2, 0.1]},
        {"image_id": "b.png", "concepts": [" Cat", "Dog ", "Cat", "Box"], "similarities": [0.4, 0.3, 0.2, 0.1]},
    ]
    files.write_rows(tmp_path / "concepts.parquet", rows, schemas.CONCEPTS)
    found = concepts.read_nearest(tmp_path / "concepts.parquet", ["b.png", "a.png"], 3)
    assert found == [["Cat", "Dog", "Box"], ["Sun", "Box", "Cat"]]


def test_concepts_of_images_in_several_groups_of_rows_are_read_and_each_name_is_held_once(tmp_path: Path) -> None:
    rows = [
        {"image_id": f"{number}.png", "concepts": [f"Cat {number}", "Grey dog"], "similarities": [0.2, 0.1]}
        for number in range(5)
    ]
    files.write_rows(tmp_path / "concepts.parquet", rows, schemas.CONCEPTS, rows_of_a_group=2)
    found = concepts.read_nearest(tmp_path / "concepts.parquet", ["4.png", "0.png", "2.png"], 2)
    assert found == [["Cat 4", "Grey dog"], ["Cat 0", "Grey dog"], ["Cat 2", "Grey dog"]]
    assert len({id(names[1]) for names in found}) == 1


def test_an_image_without_concepts_is_named(tmp_path: Path) -> None:
    rows = [{"image_id": "a.png", "concepts": ["Sun"], "similarities": [0.3]}]
    files.write_rows(tmp_path / "concepts.parquet", rows, schemas.CONCEPTS)
    with pytest.raises(CirqueError, match=r"1 of 2 images have no concepts \(first: z\.png\)"):
        concepts.read_nearest(tmp_path / "concepts.parquet", ["a.png", "z.png"], 1)
