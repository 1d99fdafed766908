"""A gallery that is read block by block, whole or in parts, is ranked as one that is held."""

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from cirque.errors import CirqueError
from cirque.evaluation import ranking, streamed
from cirque.evaluation.streamed import Asked, Images


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "BLOCK", 64)
    monkeypatch.setattr(streamed, "QUERIES_AT_ONCE", 4)


def world(seed: int, n: int = 300, n_queries: int = 11) -> tuple[list[dict[str, Any]], np.ndarray, Images]:
    """Queries, their features, and a gallery in which many images are alike; each score is a number of the query's."""
    generator = np.random.default_rng(seed)
    features = np.eye(8, dtype=np.float32)[generator.integers(8, size=n)]
    names = [f"image {i}" for i in range(n)]
    queries = []
    for number in range(n_queries):
        subset = generator.choice(n, 5, replace=False)
        others = [i for i in range(n) if i != subset[0]]
        queries.append(
            {
                "query_id": f"query {number}", "reference_id": names[int(generator.choice(others))], "tags": ["a"],
                "target_ids": [names[subset[0]], *([names[subset[1]]] if number % 2 else [])], "group": "",
                "subset_ids": [names[i] for i in subset] if number % 3 else None, "candidate_ids": None,
            }
        )  # fmt: skip
        if queries[-1]["reference_id"] in queries[-1]["target_ids"]:
            queries[-1]["target_ids"] = queries[-1]["target_ids"][:1]
    asked = generator.integers(-2, 3, size=(n_queries, 8)).astype(np.float32) + 0.5
    return queries, asked, Images(features, pa.chunked_array([names]))


def held(queries: list[dict[str, Any]], features: np.ndarray, images: Images, **options: Any) -> list[dict[str, Any]]:
    """What the ranking in memory says."""
    assert images.names is not None
    names = images.names.to_pylist()
    gallery = ranking.Gallery(names, ranking.normalise(images.features, names), [""] * len(names))
    return ranking.rank(queries, ranking.normalise(features, names), gallery, **options)


def read(queries: list[dict[str, Any]], features: np.ndarray, images: Images, n_parts: int, **options: Any) -> Any:
    asked = Asked.of(queries, features, images, **options)
    return streamed.merged(
        asked, images, [streamed.partial(asked, images, own) for own in streamed.parts_of(images, n_parts)]
    )


@pytest.mark.parametrize("remove_reference", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_those_of_a_gallery_that_is_held(seed: int, remove_reference: bool):
    queries, features, images = world(seed)
    expected = held(queries, features, images, remove_reference=remove_reference)
    found = read(queries, features, images, 1, remove_reference=remove_reference)
    assert found == expected


@pytest.mark.parametrize("n_parts", [2, 3, 5])
def test_parts_merge_to_the_same_rows(n_parts: int):
    generator = np.random.default_rng(7)
    queries, _, images = world(1)
    # Features of many bits: each sum is rounded.
    drawn = Images(generator.normal(size=(len(images), 50)).astype(np.float32), images.names)
    features = generator.normal(size=(len(queries), 50)).astype(np.float32)
    whole = read(queries, features, drawn, 1, remove_reference=True)
    assert read(queries, features, drawn, n_parts, remove_reference=True) == whole


def test_a_target_scores_alone_as_in_its_block():
    generator = np.random.default_rng(3)
    queries, _, images = world(2)
    drawn = Images(generator.normal(size=(len(images), 50)).astype(np.float16), images.names)
    asked = Asked.of(
        queries, generator.normal(size=(len(queries), 50)).astype(np.float32), drawn, remove_reference=True
    )
    found = streamed.scores_of_named(asked, drawn)
    for chunk in asked.chunks():
        for number in range(drawn.n_blocks):
            product = asked.features[chunk] @ drawn.block(number).T
            for row, query in enumerate(range(len(queries))[chunk]):
                for place, score in zip(asked.named[query], found[query], strict=True):
                    if place // streamed.BLOCK == number:
                        assert score == product[row, place - number * streamed.BLOCK]


def test_ranks_are_places_in_a_stable_sort():
    queries, features, images = world(4)
    for own, query, feature in zip(
        read(queries, features, images, 2, remove_reference=False),
        queries,
        ranking.normalise(features, []),
        strict=True,
    ):
        assert images.names is not None
        names = images.names.to_pylist()
        order = np.argsort(-(ranking.normalise(images.features, names) @ feature), kind="stable")
        assert own["target_ranks"] == [1 + order.tolist().index(names.index(name)) for name in query["target_ids"]]
        assert own["top_ids"] == [names[i] for i in order[:50]]


def test_an_image_without_a_name_is_called_by_its_position():
    queries, features, images = world(0)
    for query in queries:
        for key in ("target_ids", "subset_ids"):
            query[key] = query[key] and [name.removeprefix("image ") for name in query[key]]
        query["reference_id"] = query["reference_id"].removeprefix("image ")
    found = read(queries, features, Images(images.features), 1, remove_reference=True)
    assert all(name.isdecimal() for name in found[0]["top_ids"])
    with pytest.raises(CirqueError, match="007 not among"):
        Asked.of([{**queries[0], "target_ids": ["007"]}], features[:1], Images(images.features), remove_reference=False)


def test_what_does_not_fit_is_refused():
    queries, features, images = world(0)
    with pytest.raises(CirqueError, match="query query 0: nobody not among the 300 images"):
        Asked.of([{**queries[0], "target_ids": ["nobody"]}], features[:1], images, remove_reference=False)
    own = {**queries[0], "target_ids": ["image 5"], "reference_id": "image 5"}
    with pytest.raises(CirqueError, match="its reference 'image 5' is also its target"):
        Asked.of([own], features[:1], images, remove_reference=True)
    with pytest.raises(CirqueError, match="has candidates of its own or a group"):
        Asked.of([{**queries[0], "group": "dress"}], features[:1], images, remove_reference=False)
    with pytest.raises(CirqueError, match="give one row a query"):
        Asked.of(queries, features[:, :4], images, remove_reference=False)
    with pytest.raises(CirqueError, match="give 1 to 5"):
        streamed.parts_of(images, 6)
    broken = images.features.copy()
    broken[130] = np.nan
    with pytest.raises(CirqueError, match="image 130"):
        read(queries, features, Images(broken, images.names), 1, remove_reference=False)
    twice = pa.chunked_array([["same"] * 300])
    named_twice = Images(images.features, twice)
    with pytest.raises(CirqueError, match="names occur twice"):
        Asked.of([{**queries[0], "target_ids": ["same"]}], features[:1], named_twice, remove_reference=False)


def test_no_more_than_a_block_of_the_gallery_is_read_at_once():
    queries, features, images = world(0)

    class Watched(np.ndarray):
        """Says how many rows were taken."""

        taken: ClassVar[list[int]] = []

        def __getitem__(self, key: Any) -> Any:
            found = np.asarray(self)[key]
            Watched.taken.append(len(found))
            return found

    read(queries, features, Images(images.features.view(Watched), images.names), 1, remove_reference=True)
    assert max(Watched.taken) == streamed.BLOCK < len(images)
