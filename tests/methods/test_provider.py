"""What methods read by name: of the references, in the order of the queries, and refused with its cure."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cirque.data import shards
from cirque.encoders import reference_captions, text
from cirque.encoders.features import write_features
from cirque.errors import CirqueError
from cirque.methods.provider import Provider
from cirque.networks import combiner, phi
from cirque.stages.evaluate import compose
from cirque.store import files, schemas, vectors
from tests import small_searle, toy_encoder

REFERENCES = [small_searle.IMAGES[row] for row in (7, 0, 7)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Queries, features, tokens, φ and a backbone."""
    root = tmp_path_factory.mktemp("compose")
    small_searle.write_backbone(root)
    small_searle.write_images(root)
    phi.save(root / "phi.safetensors", phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.5, 0), {})
    write_queries(root / "queries.parquet", REFERENCES)
    return root


def write_queries(path: Path, references: list[str], captions: list[str] | None = None) -> Path:
    rows = [
        {"query_id": str(9 - number), "reference_id": reference, "captions": [caption], "full_caption": "a cat"}
        for number, (reference, caption) in enumerate(
            zip(references, captions or ["is red", " ", "has wheels"], strict=False)
        )
    ]
    files.write_rows(path, rows, schemas.QUERIES)
    return path


def provider(folder: Path, queries: Path, **protocol: str) -> Provider:
    return Provider(
        files.read_table(queries, schemas.QUERIES.names).to_pylist(),
        protocol,
        features=sorted((folder / "features").glob("*.parquet")),
        weights=folder / "weights.safetensors",
        preprocess="clip",
        threads=1,
        device="cpu",
        precision="fp32",
    )


def run(folder: Path, method: str, queries: Path | None = None, inputs: dict[str, list[Path]] | None = None,
        **protocol: str) -> np.ndarray:  # fmt: skip
    described = {"method": method, "composer": method, "inputs": inputs or {}}
    composed = compose(described, provider(folder, queries or folder / "queries.parquet", **protocol))
    assert composed.dtype == np.float32
    return composed


def test_queries_with_one_reference_share_its_feature(folder: Path, tmp_path: Path) -> None:
    found = run(folder, "image-only")
    names, features = vectors.read(sorted((folder / "features").glob("*.parquet")), "image_id", "feature")
    expected = features[[names.index(reference) for reference in REFERENCES]]
    assert np.allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_searle_oti_finds_each_references_token_in_its_part(folder: Path, tmp_path: Path) -> None:
    paths = sorted((folder / "tokens").glob("*.parquet"))
    found = run(folder, "searle-oti", inputs={"tokens": paths})
    names, tokens = vectors.read(paths, "image_id", "token")
    backbone = small_searle.load_backbone(tmp_path)
    with torch.no_grad():
        token = torch.from_numpy(tokens[names.index(REFERENCES[1])])[None]
        expected = text.encode(backbone, ["a photo of $ that  "], tokens=token)[0].numpy()
    assert np.allclose(found[1], expected / np.linalg.norm(expected), atol=1e-5)


def test_captioning_finds_each_references_caption_in_its_part(folder: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "00000.parquet", tmp_path / "00001.parquet"]
    reference_captions.write(paths[0], [(REFERENCES[1], "a cat", "ok")])
    reference_captions.write(paths[1], [(REFERENCES[0], "a tomato", "ok")])
    found = run(folder, "captioning", inputs={"reference_captions": paths})
    with torch.no_grad():
        expected = text.encode(small_searle.load_backbone(tmp_path), ["a photo of a tomato that has wheels"])[0].numpy()
    assert np.allclose(found[2], expected / np.linalg.norm(expected), atol=1e-5)
    with pytest.raises(
        CirqueError,
        match=r"captioning reads reference_captions .*add `needs: \{captions: NAME\}` to methods.captioning",
    ):
        run(folder, "captioning")


def test_palavra_names_each_references_first_concept(folder: Path, tmp_path: Path) -> None:
    paths = sorted((folder / "tokens").glob("*.parquet"))
    found = run(
        folder,
        "palavra",
        inputs={"tokens": sorted((folder / "tokens").glob("*.parquet")), "concepts": [folder / "concepts.parquet"]},
    )
    names, tokens = vectors.read(paths, "image_id", "token")
    for row, reference, caption in zip(found, REFERENCES, ("is red", " ", "has wheels"), strict=True):
        number = small_searle.IMAGES.index(reference)
        concept = np.roll(small_searle.CONCEPTS, -number)[0]
        with torch.no_grad():
            token = torch.from_numpy(tokens[names.index(reference)])[None]
            words = f"a photo of {concept} $ that {caption}"
            expected = text.encode(small_searle.load_backbone(tmp_path), [words], tokens=token)[0].numpy()
        assert np.allclose(row, expected / np.linalg.norm(expected), atol=1e-5)
    with pytest.raises(CirqueError, match="palavra reads reference_concepts and has none"):
        run(folder, "palavra", inputs={"tokens": sorted((folder / "tokens").glob("*.parquet"))})


def test_the_combiner_reads_the_network_that_the_method_needs(folder: Path, tmp_path: Path) -> None:
    network = combiner.initial(small_searle.DIM, 9, 11, 0.5, 0).eval()
    phi.save(tmp_path / "phi.safetensors", network, {})
    found = run(folder, "combiner", inputs={"phi": [tmp_path / "phi.safetensors"]})
    names, features = vectors.read(sorted((folder / "features").glob("*.parquet")), "image_id", "feature")
    with torch.no_grad():
        words = text.encode(small_searle.load_backbone(tmp_path), ["is red", " ", "has wheels"])
        images = torch.from_numpy(features[[names.index(reference) for reference in REFERENCES]])
        assert np.allclose(found, network(images, words).numpy(), atol=1e-5)
    with pytest.raises(CirqueError, match=r"phi\.safetensors: no Combiner .*trainer combiner"):
        run(folder, "combiner", inputs={"phi": [folder / "phi.safetensors"]})
    with pytest.raises(CirqueError, match=r"combiner reads combiner .*add `needs: \{phi: NAME\}` to methods.combiner"):
        run(folder, "combiner")


@pytest.mark.parametrize("method", ["text-only", "image-text", "searle", "upper-bound"])
def test_every_other_method_writes_a_feature_for_each_query(method: str, folder: Path, tmp_path: Path) -> None:
    found = run(folder, method, inputs={"phi": [folder / "phi.safetensors"]})
    assert found.shape == (3, small_searle.DIM)


@pytest.fixture(scope="module")
def two_captions(folder: Path) -> Path:
    """Queries with two captions each, as FashionIQ's."""
    rows = [
        {"query_id": str(9 - number), "reference_id": reference, "captions": captions, "full_caption": "a cat"}
        for number, (reference, captions) in enumerate(
            zip(REFERENCES, (["is red", "has wheels"], ["on a box", "is old"], ["is red", "two dogs"]), strict=True)
        )
    ]
    files.write_rows(folder / "two_captions.parquet", rows, schemas.QUERIES)
    return folder / "two_captions.parquet"


def expected(folder: Path, queries: Path, prompt: str, *, reverse: tuple[bool, ...], token: bool) -> np.ndarray:
    """Query features by plain code: each query's captions in some orders, one by one, averaged."""
    backbone = small_searle.load_backbone(folder)
    network = phi.load(folder / "phi.safetensors", torch.device("cpu"))
    names, images = vectors.read(sorted((folder / "features").glob("*.parquet")), "image_id", "feature")
    found = []
    for row in files.read_table(queries).to_pylist():
        features = []
        for backwards in reverse:
            said = prompt.format(caption=" and ".join(row["captions"][:: -1 if backwards else 1]))
            with torch.no_grad():
                tokens = network(torch.from_numpy(images[names.index(row["reference_id"])])[None]) if token else None
                features.append(text.encode(backbone, [said], tokens=tokens)[0].numpy())
        mean = np.mean([feature / np.linalg.norm(feature) for feature in features], axis=0)
        found.append(mean / np.linalg.norm(mean))
    return np.array(found)


SEARLE, PIC2WORD = "a photo of $ that {caption}", "a photo of $ , {caption}"


@pytest.mark.parametrize(
    ("method", "asked", "prompt", "reverse"),
    [
        ("lincir", {}, SEARLE, (False, True)),
        ("pic2word", {}, PIC2WORD, (True,)),
        ("text-only", {}, "{caption}", (False, True)),
        ("lincir", {"prompt": "a {caption} of $"}, "a {caption} of $", (False, True)),
        ("pic2word", {"prompt": "a {caption} of $"}, "a {caption} of $", (True,)),
        ("lincir", {"caption_order": "given"}, SEARLE, (False,)),
        ("lincir", {"caption_order": "reversed"}, SEARLE, (True,)),
        ("pic2word", {"caption_order": "both"}, PIC2WORD, (False, True)),
        ("lincir", {"prompt": PIC2WORD, "caption_order": "reversed"}, PIC2WORD, (True,)),
        ("text-only", {"text_prompt": "a {caption} of"}, "a {caption} of", (False, True)),
        ("text-only", {"caption_order": "given"}, "{caption}", (False,)),
    ],
)
def test_a_benchmarks_prompt_and_order_take_the_place_of_the_methods_own(
    method: str,
    asked: dict[str, str],
    prompt: str,
    reverse: tuple[bool, ...],
    folder: Path,
    two_captions: Path,
    tmp_path: Path,
) -> None:
    found = run(folder, method, two_captions, inputs={"phi": [folder / "phi.safetensors"]}, **asked)
    plain = expected(folder, two_captions, prompt, reverse=reverse, token=method != "text-only")
    assert np.allclose(found, plain, atol=1e-5)


@pytest.mark.parametrize(
    ("methods", "asked"),
    [
        (["image-only", "text-only", "image-text", "upper-bound"], {"prompt": "a {caption} of $"}),
        (["image-only", "lincir", "pic2word", "searle", "upper-bound"], {"text_prompt": "a {caption} of"}),
        (["image-only", "upper-bound"], {"caption_order": "reversed"}),
    ],
)
def test_what_does_not_concern_a_method_changes_no_bit_of_it(
    methods: list[str], asked: dict[str, str], folder: Path, two_captions: Path, tmp_path: Path
) -> None:
    phi_file = {"phi": [folder / "phi.safetensors"]}
    for method in methods:
        without = run(folder, method, two_captions, phi_file)
        assert np.array_equal(run(folder, method, two_captions, phi_file, **asked), without), method


@pytest.mark.parametrize(
    ("method", "message"), [("searle-oti", "needs: {tokens: NAME}"), ("searle", "needs: {phi: NAME}")]
)
def test_a_method_without_what_it_needs_is_an_error(method: str, message: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match=re.escape(f"add `{message}` to methods.{method}")):
        run(folder, method)


def test_a_reference_without_a_feature_is_an_error(folder: Path, tmp_path: Path) -> None:
    queries = write_queries(tmp_path / "queries.parquet", [small_searle.IMAGES[0], "gone", "broken.JPEG"])
    with pytest.raises(CirqueError, match=r"1 of 3 images .* no feature \(first: broken.JPEG: truncated"):
        run(folder, "image-only", queries)
    write_queries(queries, [small_searle.IMAGES[0], "gone"])
    with pytest.raises(CirqueError, match=r"1 of 2 .*first: gone"):
        run(folder, "image-only", queries)


def test_a_reference_without_a_token_is_an_error(folder: Path) -> None:
    first = folder / "tokens/00000.parquet"
    with pytest.raises(CirqueError, match=r"1 of 2 references have no pseudo token \(first: ILSVRC2012_test_00000008"):
        run(folder, "searle-oti", inputs={"tokens": [first]})


def test_what_nothing_provides_is_refused_with_what_there_is(folder: Path) -> None:
    described = {"method": "toy", "composer": "toy", "inputs": {}}
    with pytest.raises(CirqueError, match="method toy: reads the_moon, which nothing provides; there are queries"):
        provider(folder, folder / "queries.parquet").get("the_moon", described)


def test_a_thing_is_read_once_for_all_runs(folder: Path) -> None:
    given = provider(folder, folder / "queries.parquet")
    runs = [{"method": name, "composer": "searle", "inputs": {"phi": [folder / "phi.safetensors"]}} for name in "ab"]
    assert given.get("phi", runs[0]) is given.get("phi", runs[1])
    assert given.get("backbone", runs[0]) is given.get("backbone", runs[1])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Features, shards and queries of six pictures, each of one colour, of which one is asked about twice."""
    images = []
    for number in range(6):
        path = tmp_path / f"pictures/{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 32), (40 * number, 255 - 40 * number, 7 * number)).save(path)
        images.append((f"picture-{number}", path.relative_to(tmp_path).as_posix()))
    rows = shards.assign(images, "cc3m", 4)
    files.write_rows(tmp_path / "images.parquet", rows, schemas.IMAGES)
    for shard in (0, 1):
        chosen = shards.rows_of(rows, shard, tmp_path)
        shards.write_shard(tmp_path / f"shards/{shard:05d}.tar", chosen, tmp_path)
        names = [row["image_id"] for row in chosen]
        features = np.ones((len(names), 8), np.float32)
        write_features(tmp_path / f"features/{shard:05d}.parquet", names, ["ok"] * len(names), features)
    write_queries(tmp_path / "queries.parquet", ["picture-5", "picture-1", "picture-5"])
    return tmp_path


def of_pictures(folder: Path) -> dict[str, Any]:
    """A run whose method reads the pictures."""
    own = {"shards": sorted((folder / "shards").glob("*.tar")), "images": [folder / "images.parquet"]}
    return {"method": "toy", "composer": "toy", "inputs": own}


def test_a_models_own_towers_see_the_references(monkeypatch: pytest.MonkeyPatch, pictures: Path) -> None:
    """A model trained as a whole: no text tower that takes pseudo tokens, another image tower for queries."""
    toy_encoder.add(monkeypatch, pictures / "copy")
    toy_encoder.save_weights(pictures / "weights.safetensors")
    given, run = provider(pictures, pictures / "queries.parquet"), of_pictures(pictures)
    pixels = given.get("reference_pixels", run)
    assert pixels.shape == (3, 32, 32, 3)
    assert [row[0, 0].tolist() for row in pixels] == [[200, 55, 35], [40, 215, 7], [200, 55, 35]]
    encoder = given.get("encoder", run)
    images = torch.from_numpy((pixels.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.25).float()
    for name, tower in (("reference_maps", encoder.image_maps), ("query_image_features", encoder.encode_query_image)):
        assert np.allclose(given.get(name, run), tower(images).numpy(), atol=1e-5), name
    with pytest.raises(CirqueError, match="method toy encodes texts with it"):
        given.get("backbone", run)


def test_the_encoder_is_the_backbone_where_it_reads_texts(pictures: Path) -> None:
    small_searle.write_backbone(pictures)
    given, run = provider(pictures, pictures / "queries.parquet"), of_pictures(pictures)
    assert given.get("encoder", run) is given.get("backbone", run)
    with pytest.raises(CirqueError, match="backbone small: has no feature map"):
        given.get("reference_maps", run)
    without_shards = {**run, "inputs": {"images": [pictures / "images.parquet"]}}
    with pytest.raises(CirqueError, match="method toy: toy reads reference_pixels and has none"):
        given.get("reference_pixels", without_shards)


def test_a_caption_over_the_context_is_an_error_that_names_the_query(folder: Path, tmp_path: Path) -> None:
    queries = write_queries(tmp_path / "queries.parquet", REFERENCES[:2], ["is red", "very " * 90])
    with pytest.raises(CirqueError, match="query 8: text over the context"):
        run(folder, "text-only", queries)
    assert not (tmp_path / "q.parquet").exists()
