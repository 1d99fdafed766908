"""
Which files jobs ask for, by their wildcards. What needs no Snakemake is in cirque.plan.

READS   the configuration
WRITES  nothing
"""


def model_config(section):
    """The project's own description of a backbone's or captioner's model, where it has one."""

    def of_job(wildcards):
        name = wildcards.backbone if section == "backbones" else wildcards.captioner
        file = Path(MODEL_CONFIGS, f"{config[section][name]['model']}.json")
        return [str(file)] if file.exists() else []

    return of_job


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
