"""
What rules share: how files and cores are counted, and what every rule has. What needs no Snakemake is in cirque.plan.

READS   the configuration
WRITES  nothing
"""

MODEL_CONFIGS = str(ROOT / "config/backbones")
MACROS = str(ROOT / "src/cirque/evaluation/metrics.sql")
VOCABULARY = inputs.VOCABULARY
REGISTRY = ROOT / "config/datasets.tsv"
# Short jobs go first: Snakemake looks at every input of every waiting job whenever it chooses the next.
SHORT = 10
WORK = f"{paths.scale_folder(config['scale'])}/work"  # declared by no rule, so that a killed job finds it again
# What a rule runs; one that computes in parallel says how many threads are its own, one with torch on which device.
STAGE, THREADED_STAGE, TORCH_STAGE = (
    f"python -m cirque {{params.call}}{own} 2>&1 | tee {{log}}"
    for own in (
        "",
        " --threads {resources.torch_threads}",
        " --threads {resources.torch_threads} --device {resources.torch_device}",
    )
)
# The cluster's partition with GPUs: rules say that they need one, the profile says where it is. Snakemake keeps a default
# resource as an expression of a job; as it was written is what is needed here.
GPU_PARTITION = getattr((workflow.resource_settings.default_resources or {}).get("gpu_partition"), "raw", None)


def model_config(section):
    """The project's own description of a backbone's or captioner's model, where it has one."""

    def of_job(wildcards):
        name = wildcards.backbone if section == "backbones" else wildcards.captioner
        file = Path(MODEL_CONFIGS, f"{config[section][name]['model']}.json")
        return [str(file)] if file.exists() else []

    return of_job


def torch_cores(wildcards):
    """Cores that a job with torch asks for."""
    return machine.threads_of_a_job(workflow.cores)


def torch_threads(wildcards, threads):
    """A job's share of the cores that are really there."""
    return machine.threads_each(threads, workflow.cores)


def torch_job(mem_mb, runtime):
    """Resources of a job that computes on the GPU: always one on a cluster, here where there is one."""
    return {
        "torch_threads": torch_threads,
        "mem_mb": mem_mb,
        "runtime": runtime,
        **machine.gpu_resources(GPU_PARTITION),
    }


def work(what, *keys):
    """Folder of what an unfinished job keeps, of its own for each value of some wildcards."""
    return lambda wildcards: "/".join([WORK, what, *(wildcards[key] for key in keys)])


def image_set_files(wildcards):
    """What lists an image set: its split files and, where pictures are generated, their folders."""
    entry = config["image_sets"][wildcards.image_set]
    files = [
        f"<data>/{file}"
        for role, file in sources.annotation_files(entry["dataset"], entry["split"]).items()
        if role.startswith("split")
    ]
    generated = sources.data_source(config) != "fetch"
    folders = sources.image_folders(entry["dataset"], entry["split"])
    made = folders if generated else sources.made_folders(config, entry["dataset"], folders)
    return files + [f"<data>/{folder}" for folder in made] + unpacked_lists(folders)


def unpacked_lists(folders):
    """Lists of those of some folders of real images that rules unpack."""
    real = sources.data_source(config) == "fetch"
    return [f"<data>/{file}" for file in unpacking.lists(config, REGISTRY, folders)] if real else []


def corpus_file(wildcards):
    """File of a corpus."""
    return f"<data>/{config['corpora'][wildcards.corpus]['file']}"


def finetuning_lists(wildcards):
    """Files with the captions that a backbone is fine-tuned on."""
    return [f"<data>/{file}" for file in plan.finetuning_lists(config, wildcards.backbone)]


def proofs(files):
    """Proofs that files are the released ones, where figures are compared with the papers'."""
    compared = config["comparable"] and sources.data_source(config) == "fetch"
    return registry.proofs(files, REGISTRY) if compared else []


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
    """A file of every shard of a benchmark's image set."""
    return shards_of(pattern, config["benchmarks"][benchmark]["image_set"], **values)


def run_files(pattern, chosen):
    """A file of every run (benchmark, backbone, method, seed)."""
    return [file for run in chosen for file in expand(pattern, **run)]


def encoder(wildcards, seed=None):
    """The backbone of a job as wildcard values, with the seed that it has in a run of the job's seed."""
    return plan.encoder(config, wildcards.backbone, seed if seed is not None else wildcards.seed)


def weights(wildcards):
    """Weights of the backbone of a run, network or inversion."""
    return expand(FILE.weights, **encoder(wildcards))


def queries_over(wildcards):
    """Queries of every benchmark over an image set: they name its references."""
    return expand(
        FILE.queries,
        benchmark=plan.benchmarks_on(config, wildcards.image_set, wildcards.get("preprocess")),
    )


def shards_of_css(view):
    """Pictures of all scenes of CSS, in 2d or 3d."""
    return [shard for name in plots.css_image_sets(config, view) for shard in shards_of(FILE.shards, name)]
