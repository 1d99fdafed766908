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
