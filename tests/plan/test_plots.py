"""What the plots of a configuration draw."""

from cirque.plan import plots
from tests.plan.test_jobs import MINI


def test_only_trained_methods_have_a_training_time():
    trained = {"pic2word": "pic2word", "searle": "searle", "lincir": "lincir"}
    assert plots.trained_methods(MINI, "training_time") == trained
    rehearsal = {**MINI, "networks": {**MINI["networks"], "searle": {**MINI["networks"]["searle"], "source": "random"}}}
    assert "searle" not in plots.trained_methods(rehearsal, "training_time")
    fewer = {**MINI, "run": {**MINI["run"], "methods": ["image-only", "lincir"]}}
    assert plots.trained_methods(fewer, "training_time") == {"lincir": "lincir"}
    assert {run["network"] for run in plots.trainings(MINI, "training_time")} == {"pic2word", "searle", "lincir"}
    assert plots.trainings(MINI, "domains") == []
    assert plots.settings(MINI, "training_time")["networks"] == trained
    assert plots.settings(MINI, "domains") == {"metrics": ["R_all@10", "R_all@50"]}


def test_scenes_of_css_are_drawn_where_both_splits_are_there_in_both_views():
    assert plots.css_image_sets(MINI, "2d") == ["css_train_2d", "css_test_2d"]
    assert plots.css_image_sets(MINI, "3d") == ["css_train_3d", "css_test_3d"]
    assert "css_scenes" in plots.names(MINI)
    assert plots.settings(MINI, "css_scenes") == {"n_scenes": 6}
    fewer = {name: entry for name, entry in MINI["image_sets"].items() if name != "css_test_2d"}
    assert "css_scenes" not in plots.names({**MINI, "image_sets": fewer})
    assert "css_scenes" not in plots.names({**MINI, "missing": {"benchmarks": {"css_2d": "no css/images/"}}})
    assert "css_scenes" in plots.names({**MINI, "missing": {"benchmarks": {"cirr_val": "no CIRR/dev/"}}})
