import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cirque.css import making, release
from cirque.css.grammar import Object
from cirque.css.release import Asked, Split
from cirque.errors import CirqueError

Content = dict[str, Any]


def part() -> Content:
    """A split in the released structure, of an image with two objects and an empty one."""
    ball = {"shape": "circle", "color": "red", "size": "small", "pos": (0.5, 1 / 6)}
    cube = {"shape": "rectangle", "color": "gray", "size": "large", "pos": (0.5, 0.5)}
    return {
        "objects_img": [[ball, cube], [cube], []],
        "mods": [
            {"to_str": "remove  circle ", "from": [0], "to": [1], "type": "remove"},
            {"to_str": "remove rectangle", "from": [1], "to": [2], "type": "remove"},
        ],
        "labels": [4, 5, 9],
    }


def save(path: Path, **changed: Any) -> Path:
    """The small data set as JSON or in the release's format, some keys of train changed; None takes a key away."""
    content = {"train": part() | changed, "test": part()}
    content["train"] = {key: value for key, value in content["train"].items() if value is not None}
    if path.suffix == ".json":
        path.write_text(json.dumps(content))
    else:
        np.save(path, np.array(content, dtype=object), allow_pickle=True)
    return path


@pytest.mark.parametrize("name", ["css.json", "css.npy"])
def test_both_files_are_read_alike(tmp_path, name):
    train = release.read(save(tmp_path / name))["train"]
    assert train.images == [
        (Object("circle", "red", "small", (0.5, 1 / 6)), Object("rectangle", "gray", "large", (0.5, 0.5))),
        (Object("rectangle", "gray", "large", (0.5, 0.5)),),
        (),
    ]
    assert train.asked == [Asked("remove circle", [0], [1]), Asked("remove rectangle", [1], [2])]
    assert train.labels == [4, 5, 9]


def test_labels_may_be_an_array_and_without_any_each_image_has_its_own(tmp_path):
    assert release.read(save(tmp_path / "a.npy", labels=np.array([7, 7, 8])))["train"].labels == [7, 7, 8]
    assert release.read(save(tmp_path / "b.npy", labels=None))["train"].labels == [0, 1, 2]


def test_what_was_made_is_read_again_as_it_was(tmp_path):
    made = {name: making.make(0, name, "release", 5, 8) for name in ("train", "test")}
    release.write(tmp_path / "css.json", made)
    again = release.read(tmp_path / "css.json")
    for name, split in made.items():
        assert again[name].images == split.images
        assert again[name].labels == split.labels
        assert [(a.text, a.sources, a.targets) for a in again[name].asked] == [
            (a.text, a.sources, a.targets) for a in split.asked
        ]


def test_a_modification_is_written_with_the_fields_of_the_release(tmp_path):
    release.write(tmp_path / "css.json", {"train": making.make(0, "train", "release", 5, 60)})
    mods = json.loads((tmp_path / "css.json").read_text())["train"]["mods"]
    assert all(
        set(mod)
        == {
            *("type", "str", "to_str", "from", "to", "target_shape", "target_color", "target_size", "target_pos"),
            *("make_new_color", "make_new_size"),
        }
        for mod in mods
    )
    for mod in mods:
        said = [mod[f"target_{name}"] for name in ("shape", "color", "size", "pos")]
        assert all(word in mod["to_str"].split() for word in said if word)
        assert (mod["type"] == "make") == bool(mod["make_new_color"] or mod["make_new_size"])


def test_two_objects_in_one_cell_are_refused(tmp_path):
    ball = Object("circle", "red", "small", (0.5, 0.5))
    split = Split([(ball, ball)], [Asked("add circle", [0], [0])], [0])
    release.write(tmp_path / "css.json", {"train": split, "test": split})
    with pytest.raises(CirqueError, match=r"css.json: train: image 0: has two objects in one cell"):
        release.read(tmp_path / "css.json")


def changed_object(**values: Any) -> list[Any]:
    scenes = copy.deepcopy(part()["objects_img"])
    scenes[0][1] |= values
    return scenes


def changed_mod(**values: Any) -> list[Any]:
    mods = copy.deepcopy(part()["mods"])
    mods[1] |= values
    return mods


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"objects_img": None}, "train: lacks the key 'objects_img'"),
        ({"objects_img": {}}, "train: objects_img must be of type list"),
        ({"objects_img": [3, [], []]}, "train: image 0: expected a list of objects, found 3"),
        ({"objects_img": changed_object(shape="cube")}, "image 0: object 1: shape is 'cube', none of rectangle"),
        ({"objects_img": changed_object(color="pink")}, "image 0: object 1: color is 'pink', none of gray"),
        ({"objects_img": changed_object(size=3)}, "image 0: object 1: size must be of type str"),
        ({"objects_img": changed_object(pos=[0.5])}, "image 0: object 1: pos must be two numbers"),
        ({"objects_img": changed_object(pos=[0.5, float("nan")])}, "pos must be two numbers"),
        ({"objects_img": changed_object(pos=[0.5, 10**400])}, "pos must be two numbers"),
        ({"objects_img": changed_object(pos=[0.5, 0.12])}, "object would cross the border of the picture"),
        ({"objects_img": changed_object(pos=[0.88, 0.5])}, "must lie between 0.125 and 0.875"),
        ({"objects_img": changed_object(pos=[-0.5, 0.5])}, "must lie between 0.125 and 0.875"),
        ({"labels": [1, 2]}, "a whole number as the label of each of 3 images, found 2 labels"),
        ({"labels": [1, 2, "3"]}, "a whole number as the label of each of 3 images"),
        ({"mods": []}, "train: has no modifications"),
        ({"mods": [7]}, "modification 0: expected a dictionary"),
        ({"mods": changed_mod(to_str=" . ")}, "modification 1: to_str is '.', which has no word"),
        ({"mods": changed_mod(to_str=None)}, "modification 1: to_str must be of type str"),
        ({"mods": changed_mod(to=[1, 2])}, "modification 1: from lists 1 images and to 2"),
        ({"mods": changed_mod(**{"from": [], "to": []})}, "modification 1: from lists 0 images and to 0"),
        ({"mods": changed_mod(to=[3])}, "modification 1: names image 3, but there are only 0 to 2"),
        ({"mods": changed_mod(**{"from": [-1]})}, "modification 1: names image -1"),
        ({"mods": changed_mod(**{"from": [True]})}, "modification 1: names image True"),
    ],
)
def test_what_the_data_set_cannot_hold_is_refused_with_its_place(tmp_path, changed, message):
    path = save(tmp_path / "css.json", **changed)
    with pytest.raises(CirqueError, match=message) as refused:
        release.read(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_a_missing_split_or_file_is_told(tmp_path):
    (tmp_path / "css.json").write_text(json.dumps({"train": part()}))
    with pytest.raises(CirqueError, match="lacks the key 'test'"):
        release.read(tmp_path / "css.json")
    with pytest.raises(CirqueError, match=r"no such file; see docs/data\.md#css"):
        release.read(tmp_path / "none.json")
