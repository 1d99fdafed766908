import csv
import re

from cirque.mini.captions import noun
from cirque.mini.concepts import concepts, corpus, vocabulary
from cirque.mini.scenes import SHAPES


def test_the_vocabulary_has_the_format_of_the_open_images_class_file(annotations):
    official = (annotations / "openimages" / "oidv7-class-descriptions.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(vocabulary().splitlines()))
    assert rows[0] == official.splitlines()[0].split(",") == ["LabelName", "DisplayName"]
    assert all(re.fullmatch(r"/m/0[0-9a-z_]+", label) for label, _ in rows[1:])
    assert len({label for label, _ in rows}) == len(rows)


def test_the_vocabulary_is_sorted_and_holds_at_least_forty_names_beside_those_of_the_objects():
    names = [line.split(",")[1] for line in vocabulary().splitlines()[1:]]
    assert names == sorted(names) == concepts()
    assert len(names) == len({name.lower() for name in names}) >= 40
    assert {noun(shape, plural=False).capitalize() for shape in SHAPES} < set(names)


def test_every_sentence_of_the_corpus_is_about_a_concept_and_every_concept_occurs():
    sentences = corpus(0, 2000)
    found = {re.fullmatch(r"a photo of (.+?) that .+", sentence).group(1) for sentence in sentences}
    assert found == set(concepts())


def test_a_longer_corpus_begins_with_the_shorter():
    assert corpus(0, 50)[:20] == corpus(0, 20)
