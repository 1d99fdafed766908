import inspect
from types import SimpleNamespace

from cirque.families import ENCODERS, PREPROCESSINGS
from cirque.plan.calls import call
from cirque.store.provenance import code_version

FOUND = {
    "preprocess": lambda job: [PREPROCESSINGS.module(job["preprocess"])],
    "weights": lambda job: [ENCODERS.module("clip")] if "backbone" in job else [],
}


def code(stage: str, wildcards: dict[str, str], **settings: object) -> str:
    """Version of the code of a job, as its rule says it."""
    params = call(stage, **settings)
    params["call"].called.found_by_name = FOUND
    return params["code"](SimpleNamespace(items=wildcards.items))


def test_a_job_s_code_is_also_that_of_the_encoder_and_the_preprocessing_that_it_names():
    job = {"backbone": "B", "encoder_seed": "0", "preprocess": "targetpad"}
    modules = ["cirque.data.preprocessing.targetpad", "cirque.encoders.clip"]
    assert code("extract_features", job) == code_version("extract_features", *modules)
    assert code("extract_features", {**job, "preprocess": "clip"}) != code("extract_features", job)


def test_a_name_may_come_from_a_setting_and_a_captioner_is_no_backbone():
    named = code("caption_images", {"captioner": "coca"}, preprocess=lambda wildcards: "clip")
    assert named == code_version("caption_images", "cirque.data.preprocessing.clip")


def test_a_setting_stands_in_a_param_that_reads_no_files_for_snakemake_compares_no_other():
    params = call("caption_images", preprocess=lambda wildcards: "clip")
    assert "clip" in params["given"](SimpleNamespace(items={}.items))
    assert list(inspect.signature(params["given"]).parameters) == ["wildcards"]


def test_a_changed_precision_runs_a_job_again_and_no_rule_leaves_it_to_the_stage():
    job = SimpleNamespace(items={}.items)
    assert "tf32" in call("encode_concepts", precision=lambda wildcards: "tf32")["given"](job)
    files = ("vocabulary", "weights")
    assert call("encode_concepts")["call"].called.lacking(files, 1) == ["precision"]
    assert call("encode_concepts", precision="fp32")["call"].called.lacking(files, 1) == []


def test_a_stage_that_names_neither_has_its_own_code_alone():
    assert code("encode_concepts", {}) == code_version("encode_concepts")
