"""
What rules share: what every rule runs, and the cores, GPUs, memory and folders of its jobs.

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
