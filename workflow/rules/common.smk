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
# One that several GPUs can share is started by torchrun, with a process for each.
STAGE, THREADED_STAGE, TORCH_STAGE, SHARED_STAGE = (
    f"{start} -m cirque {{params.call}}{own} 2>&1 | tee {{log}}"
    for start, own in (
        ("python", ""),
        ("python", " --threads {resources.torch_threads}"),
        ("python", " --threads {resources.torch_threads} --device {resources.torch_device}"),
        ("{params.start}", " --threads {resources.torch_threads} --device {resources.torch_device}"),
    )
)
# The cluster's partition with GPUs: rules say that they need one, the profile says where it is. Snakemake keeps a default
# resource as an expression of a job; as it was written is what is needed here.
GPU_PARTITION, gpus_of_a_training = (
    getattr((workflow.resource_settings.default_resources or {}).get(name), "raw", None)
    for name in ("gpu_partition", "gpus_of_a_training")
)
# What a training that several GPUs can share asks for: all of them here, on a cluster as many as the profile says.
SHARED_GPUS = machine.gpus(GPU_PARTITION, int(gpus_of_a_training or 1))


def model_config(section):
    """The project's own description of a backbone's or captioner's model, where it has one."""

    def of_job(wildcards):
        name = wildcards.backbone if section == "backbones" else wildcards.captioner
        file = Path(MODEL_CONFIGS, f"{config[section][name]['model']}.json")
        return [str(file)] if file.exists() else []

    return of_job


# Cores that jobs share on this machine; on a cluster each has those of its own allocation, and there is nothing to share.
CORES = workflow.resource_settings.cores if GPU_PARTITION is None else None


def torch_cores(wildcards):
    """Cores that a job with torch asks for."""
    return machine.threads_of_a_job(CORES)


def torch_threads(wildcards, threads):
    """A job's share of the cores that are really there."""
    return machine.threads_each(threads, CORES)


def torch_job(**needed):
    """Resources of a job that computes on the GPU: always one on a cluster, here where there is one."""
    return {"torch_threads": torch_threads, **needs(**needed), **machine.gpu_resources(GPU_PARTITION)}


def precision(kind):
    """What a job computes its products in, as the configuration says of its kind of stage and of its backbone."""
    return lambda wildcards: plan.precision(config, kind, wildcards.get("backbone"))


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


def triplet_files(wildcards):
    """Annotation files of a train split: what lists its triplets and its images."""
    entry = config["image_sets"][wildcards.image_set]
    return [f"<data>/{file}" for file in sources.annotation_files(entry["dataset"], entry["split"]).values()]


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


def shards_of(image_set):
    """Every shard of an image set."""
    return plan.of_images(config, FILE.shards, image_set)


def shards_of_benchmark(benchmark):
    """Every shard of a benchmark's image set."""
    return shards_of(config["benchmarks"][benchmark]["image_set"])


def shards_of_part(wildcards):
    """The shards of a job's part of an image set."""
    names = plan.shards_of_part(config, wildcards.image_set, wildcards.part)
    return expand(FILE.shards, image_set=wildcards.image_set, shard=names)


def features_of_benchmark(benchmark, **values):
    """Features of every part of a benchmark's image set."""
    return features_of(config["benchmarks"][benchmark]["image_set"], **values)


def features_of(image_set, **values):
    """Features of every part of an image set."""
    return plan.of_images(config, FILE.features, image_set, **values)


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
    return [shard for name in plots.css_image_sets(config, view) for shard in shards_of(name)]
