"""
Paths that several rules share, and how files and cores are counted. What needs no Snakemake is in cirque.plan.jobs.

READS   the configuration
WRITES  nothing
"""

RUN = "benchmark={benchmark}/backbone={backbone}/method={method}/seed={seed}"
WEIGHTS = "<scale>/backbones/backbone={backbone}/weights.safetensors"
FEATURES = "<scale>/features/image_set={image_set}/preprocess={preprocess}/backbone={backbone}/{shard}.parquet"
CONCEPTS = "<scale>/concepts/image_set={image_set}/preprocess={preprocess}/backbone={backbone}/concepts.parquet"
TOKENS = "<scale>/tokens/inversion={inversion}/image_set={image_set}/preprocess={preprocess}/backbone={backbone}/seed={seed}/{shard}.parquet"
PHRASES = "<scale>/phrases/{part}.parquet"
PHRASE_FEATURES = "<scale>/phrase_features/backbone={backbone}/{part}.parquet"
PHI = "<scale>/phi/network={network}/backbone={backbone}/seed={seed}/phi.safetensors"
CARD = "<scale>/phi/network={network}/backbone={backbone}/seed={seed}/phi.json"
TRAINING_LOG = "<scale>/phi/network={network}/backbone={backbone}/seed={seed}/training.parquet"
CAPTIONS = "<scale>/captions/corpus={corpus}/{part}.parquet"
CAPTION_FEATURES = "<scale>/caption_features/corpus={corpus}/backbone={backbone}/{part}.parquet"
CAPTIONER = "<scale>/captioners/captioner={captioner}/weights.safetensors"
REFERENCE_CAPTIONS = "<scale>/reference_captions/captioner={captioner}/image_set={image_set}/{shard}.parquet"
MODEL_CONFIGS = str(ROOT / "config/backbones")
MACROS = str(ROOT / "src/cirque/evaluation/metrics.sql")
VOCABULARY = "<data>/openimages/oidv7-class-descriptions.csv"
# Short jobs go first: Snakemake looks at every input of every waiting job whenever it chooses the next.
SHORT = 10
WORK = f"results/scale={config['scale']}/work"  # declared by no rule, so that a killed job finds it again


def model_config(wildcards):
    """The project's own description of a backbone's model, where it has one."""
    file = Path(MODEL_CONFIGS, f"{config['backbones'][wildcards.backbone]['model']}.json")
    return [str(file)] if file.exists() else []


def captioner_config(wildcards):
    """The project's own description of a captioner, where it has one."""
    file = Path(MODEL_CONFIGS, f"{config['captioners'][wildcards.captioner]['model']}.json")
    return [str(file)] if file.exists() else []


def torch_cores(wildcards):
    """Cores that a job with torch asks for."""
    return plan.threads_of_a_job(workflow.cores)


def torch_threads(wildcards, threads):
    """A job's share of the cores that are really there."""
    return plan.threads_each(threads, workflow.cores)


def image_set_files(wildcards):
    """What lists an image set: its split files and, where pictures are generated, their folders."""
    entry = config["image_sets"][wildcards.image_set]
    files = [
        f"<data>/{file}"
        for role, file in plan.annotation_files(entry["dataset"], entry["split"]).items()
        if role.startswith("split")
    ]
    generated = plan.data_source(config) != "fetch"
    folders = plan.image_folders(entry["dataset"], entry["split"])
    return files + ([f"<data>/{folder}" for folder in folders] if generated else [])


def shards_of(pattern, image_set, **values):
    """A file of every shard of an image set."""
    return expand(
        pattern,
        image_set=image_set,
        preprocess=values.pop("preprocess", config["preprocess"]),
        shard=plan.shards(config, image_set),
        **values,
    )


def shards_of_benchmark(pattern, benchmark, **values):
    """A file of every shard of a benchmark's image set, under its preprocessing."""
    image_set = config["benchmarks"][benchmark]["image_set"]
    return shards_of(pattern, image_set, preprocess=plan.preprocess(config, benchmark), **values)


def run_files(pattern, chosen):
    """A file of every run (benchmark, backbone, method, seed)."""
    return [file for run in chosen for file in expand(pattern, **run)]


def caption_files(pattern, corpus, **values):
    """A file of every part of a corpus."""
    return run_files(pattern, [{**part, **values} for part in plan.caption_parts(config, [corpus])])
