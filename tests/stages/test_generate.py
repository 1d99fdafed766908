import csv
import json
import os
import subprocess
import sys
import tarfile

import pyarrow.parquet as pq
import pytest
from PIL import Image

from cirque.datasets import cc3m, cc12m
from cirque.errors import CirqueError
from cirque.families import GENERATORS
from cirque.store.provenance import record_path
from cirque.texts import captions

WORLD = {"seed": 0, "image_size": 32}

#: Columns of COYO-700M's shards (data.md §11).
OFFICIAL_COLUMNS = [
    *("id", "url", "text", "width", "height", "image_phash", "text_length", "word_count", "num_tokens_bert"),
    *("num_tokens_gpt", "num_faces", "clip_similarity_vitb32", "clip_similarity_vitl14", "nsfw_score_opennsfw2"),
    *("nsfw_score_gantman", "watermark_score", "aesthetic_score_laion_v2"),
]


def contents(root):
    """Bytes of every file under a folder, without the records of runs, which hold times."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.name.endswith(".run.json")]
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(files)}


def generate_all(root):
    generate("captioned", **WORLD, n_captioned=6, n_styled=4, n_composed=2, n_sentences=30, data_root=root)
    generate("cc3m", **WORLD, n_cc3m_captions=20, n_cc3m_images=5, data_root=root)
    generate("cc12m", **WORLD, n_cc12m_images=6, data_root=root)
    generate("sdp", seed=0, n_prompts=10, data_root=root)
    generate("coyo", seed=0, n_alt_texts=200, data_root=root)
    generate("openwebtext", seed=0, n_documents=410, data_root=root)
    generate("unlabeled", **WORLD, n_unlabeled=5, data_root=root)
    generate("cirr", **WORLD, n_gallery=50, n_queries=20, data_root=root)


def generate(name, **world):
    """A data set by its generator."""
    GENERATORS.load(name).generate(**world)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    generate_all(root)
    return root


def test_another_process_with_another_hash_seed_makes_the_same_bytes(world, tmp_path):
    commands = [
        [
            *("generate", "captioned", "--n-captioned", "6", "--n-styled", "4", "--n-composed", "2"),
            *("--n-sentences", "30", "--image-size", "32"),
        ],
        ["generate", "cc3m", "--n-cc3m-captions", "20", "--n-cc3m-images", "5", "--image-size", "32"],
        ["generate", "cc12m", "--n-cc12m-images", "6", "--image-size", "32"],
        ["generate", "sdp", "--n-prompts", "10"],
        ["generate", "coyo", "--n-alt-texts", "200"],
        ["generate", "openwebtext", "--n-documents", "410"],
        ["generate", "unlabeled", "--n-unlabeled", "5", "--image-size", "32"],
        ["generate", "cirr", "--n-gallery", "50", "--n-queries", "20", "--image-size", "32"],
    ]
    for command in commands:
        common = ["--seed", "0", "--data-root", str(tmp_path)]
        environment = {**os.environ, "PYTHONHASHSEED": "12345"}
        subprocess.run([sys.executable, "-m", "cirque", *command, *common], env=environment, check=True)
    assert contents(tmp_path) == contents(world)


def test_another_seed_makes_another_world(world, tmp_path):
    generate("unlabeled", seed=1, image_size=32, n_unlabeled=5, data_root=tmp_path)
    ours, others = contents(world), contents(tmp_path)
    assert not [name for name, data in others.items() if ours[name] == data]


def test_an_image_does_not_depend_on_how_many_there_are(world, tmp_path):
    generate("unlabeled", **WORLD, n_unlabeled=2, data_root=tmp_path)
    assert contents(tmp_path).items() <= contents(world).items()


def test_images_and_captions_come_in_pairs_without_dates(world):
    with tarfile.open(world / "captions" / "images.tar") as tar:
        members = tar.getmembers()
    assert [m.name for m in members] == [f"{i:06d}.{kind}" for i in range(12) for kind in ("png", "txt")]
    assert {(m.mtime, m.uid, m.uname) for m in members} == {(0, 0, "")}


def test_cc3m_has_a_caption_a_line_and_images_of_the_first(world):
    lines = [line.split("\t") for line in (world / "cc3m/GCC-training.tsv").read_text().splitlines()]
    assert {len(line) for line in lines} == {2}
    assert len(lines) == 20
    listed = cc3m.images(world, "train")
    assert [path for _, path in listed] == [f"cc3m/cc_data/train/{i:09d}.jpg" for i in range(5)]
    assert all(Image.open(world / path).size == (32, 32) for _, path in listed)


def test_cc12m_has_an_address_before_each_caption_and_images_of_those_that_live(world):
    lines = [line.split("\t") for line in (world / "cc12m/cc12m.tsv").read_text().splitlines()]
    said = {address.removeprefix("http://images.invalid/"): caption for address, caption in lines}
    assert len(said) == 7  # the fifth is dead
    pairs = cc12m.captions(world, "train")
    assert [said[path.removeprefix("cc_data/train/")] for path, _ in pairs] == [caption for _, caption in pairs]
    assert len(pairs) == len(cc12m.images(world, "train")) == 6
    present = {path.name for path in (world / "cc12m/cc_data/train").iterdir()}
    assert present == {path.rsplit("/", 1)[1] for path, _ in pairs}


def test_prompts_are_one_a_line(world):
    prompts = (world / "sdp/all_prompts.txt").read_text().splitlines()
    assert len(prompts) == 10
    assert all(prompts)


def test_a_shard_of_coyo_has_the_official_columns_and_texts_of_every_sort(world):
    table = pq.read_table(world / GENERATORS.literal("coyo", "FILES")[0])
    assert table.schema.names == OFFICIAL_COLUMNS
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == list(range(200))
    assert all((row["text_length"], row["word_count"]) == (len(row["text"]), len(row["text"].split())) for row in rows)
    texts = [row["text"] for row in rows]
    for sign in ("$", "😍", ".jpg", "Stock Photo", "a photo of"):
        assert any(sign in text for text in texts), sign


def test_openwebtext_is_an_archive_of_archives_of_pages(world):
    path = world / "openwebtext/openwebtext.tar.xz"
    with tarfile.open(path) as whole:
        names = whole.getnames()
        with tarfile.open(fileobj=whole.extractfile(names[1])) as subset:
            pages = subset.getnames()
    assert names == [f"openwebtext/urlsf_subset00-{number}_data.xz" for number in (1, 2)]
    assert [name[:8] for name in pages] == [f"{i:07d}-" for i in range(400, 410)]
    found = [text for _, text in captions.read_corpus(path, "openwebtext", None, range(410))]
    assert len(found) == captions.count(path, "openwebtext") == 410
    assert not any("photo" in text for text in found)
    assert all(text.endswith(".") for text in found if len(text) < 1000)


def test_prose_and_alternative_texts_are_other_sentences_than_captions(world):
    known = {line.split("\t")[0] for line in (world / "cc3m/GCC-training.tsv").read_text().splitlines()}
    known |= set((world / "sdp/all_prompts.txt").read_text().splitlines())
    path = world / "openwebtext/openwebtext.tar.xz"
    prose = {text for _, text in captions.read_corpus(path, "openwebtext", None, range(410))}
    assert not prose & (known | set(pq.read_table(world / GENERATORS.literal("coyo", "FILES")[0])["text"].to_pylist()))


def test_unlabeled_images_are_named_as_in_imagenet(world):
    names = sorted(path.name for path in (world / "ImageNet1K" / "test").iterdir())
    assert names == [f"ILSVRC2012_test_{i:08d}.JPEG" for i in range(1, 6)]
    assert Image.open(world / "ImageNet1K" / "test" / names[0]).format == "JPEG"


@pytest.mark.parametrize("split", ["val", "test1"])
def test_every_name_of_a_split_has_its_image(world, split):
    paths = json.loads((world / "CIRR/cirr/image_splits" / f"split.rc2.{split}.json").read_text())
    assert len(paths) == 50
    for path in paths.values():
        image = Image.open(world / "CIRR" / path)
        assert (image.format, image.size) == ("PNG", (32, 32))


def test_answers_and_full_captions_are_of_known_queries_and_images(world):
    records = json.loads((world / "CIRR/cirr/captions/cap.rc2.test1.json").read_text())
    answers = json.loads((world / "CIRR/mini/answers.test1.json").read_text())
    captions = json.loads((world / "CIRR/mini/full_captions.json").read_text())
    assert set(answers) == {str(record["pairid"]) for record in records}
    assert all(answers[str(record["pairid"])] != record["reference"] for record in records)
    assert set(answers.values()) <= set(captions)
    assert len(captions) == 100


def test_the_vocabulary_is_a_csv_of_two_columns(world):
    rows = list(csv.reader((world / "openimages" / "oidv7-class-descriptions.csv").open(encoding="utf-8")))
    assert {len(row) for row in rows} == {2}


def test_a_folder_that_cannot_be_written_is_named_and_left_as_it_was(tmp_path):
    (tmp_path / "ImageNet1K").write_text("in the way")
    with pytest.raises(CirqueError, match="ImageNet1K/test: could not be written"):
        generate("unlabeled", **WORLD, n_unlabeled=2, data_root=tmp_path)
    assert (tmp_path / "ImageNet1K").read_text() == "in the way"


def test_a_second_run_replaces_the_folder(tmp_path):
    generate("unlabeled", **WORLD, n_unlabeled=3, data_root=tmp_path)
    generate("unlabeled", **WORLD, n_unlabeled=2, data_root=tmp_path)
    assert len(contents(tmp_path)) == 2


def test_records_are_kept_of_annotations(world, tmp_path):
    path = world / "CIRR" / "mini" / "answers.test1.json"
    assert not record_path(path).exists()  # only the command line leaves records
