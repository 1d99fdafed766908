import pytest

from cirque import datasets
from cirque.errors import CirqueError


def test_every_module_of_the_folder_is_a_data_set():
    assert datasets.names() == [
        *("cc12m", "cc3m", "circo", "cirr", "coco", "css", "fashion200k", "fashioniq", "genecis", "imagenet"),
        *("imagenet_r", "mitstates", "mitstates_pairs"),
    ]
    for name in datasets.names():
        module = datasets.load(name)
        assert module.TITLE
        assert callable(module.images)
        assert callable(module.image_folders)
        assert callable(module.annotation_files)


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(CirqueError, match="no data set is called 'nowhere'; there are cc12m, cc3m, circo, cirr, coco"):
        datasets.load("nowhere")


def test_a_data_set_without_queries_is_no_benchmark():
    with pytest.raises(CirqueError, match="imagenet: holds images but no queries"):
        datasets.load_benchmark("imagenet")


def test_a_count_that_differs_from_the_configuration_is_refused():
    datasets.require_count("cirr", "val", 2297, 2297)
    with pytest.raises(CirqueError, match=r"CIRR val: 2,296 images are listed, but n_images .* is 2,297"):
        datasets.require_count("cirr", "val", 2296, 2297)
