"""What a job takes: items, hours of a GPU and of processors, bytes that it writes; each known, open, or nothing.

    of(job, config, registry)  # Cost(items=Amount(5000), unit="images", gpu=Amount(8.6), …)

Estimates are made of `plan.figures` alone. What was measured on one backbone is scaled to another by the operations of
its towers (`plan.towers`), and never below what the host needs to launch its kernels, which goes with the layers:

- features: max(1 / decoding, 1 / stage + (r − 1) / tower) seconds an image, r the operations of an image over those of
  ViT-L/14, decoding as many times the measured thread's as a job has threads;
- a step: max(measured · r · size / measured size, least · layers / ViT-L/14's layers), r the same of a text.

Figures are of the papers' data. Of a generated world hours are open.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cirque.data.download import Entry
from cirque.plan import composers, inputs, jobs, machine, paths, sources, towers
from cirque.plan.amounts import NOTHING, OPEN, Amount, Cost
from cirque.plan.dry_run import Job
from cirque.plan.figures import ASSOCIATED, DECODING_THREADS, FIGURES, STEP_OF

Config = Mapping[str, Any]

#: Models that steps and features were measured on, as open_clip calls them.
MEASURED = {"L": "ViT-L-14", "bigG": "ViT-bigG-14"}

#: Bytes of a number that features, tokens and weights are stored as.
_FLOAT = 4


@dataclass
class Subject:
    """A job in its configuration, and the figures that its estimate has used so far."""

    config: Config
    values: Mapping[str, str]
    outputs: tuple[str, ...]
    registry: Mapping[str, Entry]
    used: set[str] = field(default_factory=set)

    @property
    def is_generated(self) -> bool:
        """Whether the data are drawn, so that no figure of real ones is of them."""
        return sources.data_source(self.config) == "generate"

    def figure(self, name: str) -> float | None:
        """A figure; None if there is none, or it is not of these data."""
        if name not in FIGURES or self.is_generated:
            return None
        self.used.add(name)
        return FIGURES[name].value

    def require(self, name: str) -> float:
        """A figure of machines, which is the same whatever the data."""
        self.used.add(name)
        return FIGURES[name].value

    @property
    def model(self) -> towers.Model | None:
        """The job's backbone, if it is a CLIP that can be counted."""
        backbone = self.values["backbone"]
        if jobs.encoder_kind(self.config, backbone) != "clip":
            return None
        return towers.description(self.config["backbones"][backbone]["model"])

    def precision(self, kind: str) -> str:
        """What the job computes in, as a kind of stage."""
        return jobs.precision(self.config, kind, self.values["backbone"])

    @property
    def n_images(self) -> float:
        """Images of the job's shard or part, or of the whole set if it has neither."""
        entry = self.config["image_sets"][self.values["image_set"]]
        for name, n_shards in (("shard", 1), ("part", self.config["shards_per_part"])):
            if name in self.values:
                size: int = entry["shard_size"] * n_shards
                return float(min(size, entry["n_images"] - int(self.values[name]) * size))
        return float(entry["n_images"])

    @property
    def n_references(self) -> float | None:
        """References among them, spread evenly over the set."""
        entry = self.config["image_sets"][self.values["image_set"]]
        count = self.figure(f"references of {entry['dataset']} {entry['split']}")
        return None if count is None else count * self.n_images / entry["n_images"]

    @property
    def n_concepts(self) -> float | None:
        """Concepts of the vocabulary, or of the job's part of it."""
        count = self.figure("concepts")
        return None if count is None else count / (self.config["phrases"]["n_parts"] if "part" in self.values else 1)

    @property
    def n_phrases(self) -> float | None:
        """Phrases of the job's part of the vocabulary."""
        return None if self.n_concepts is None else self.n_concepts * float(self.config["phrases"]["n_phrases"])

    @property
    def n_captions(self) -> float | None:
        """Captions of the job's part of a corpus."""
        entry = self.config["corpora"][self.values["corpus"]]
        file: str = entry["file"]
        count = self.figure(file) or self.figure(file.partition("/")[0])
        if count is None:  # captions of the images of a set
            sets = self.config["image_sets"].values()
            listed = (one for one in sets if file in sources.annotation_files(one["dataset"], one["split"]).values())
            count = next((float(one["n_images"]) for one in listed), None)
        return None if count is None else count / float(entry["n_parts"])


def of(job: Job, config: Config, registry: Mapping[str, Entry]) -> Cost:
    """What a job takes.

    Args:
        job: of a dry run.
        config: the configuration that it is of.
        registry: of `download.read_registry`.
    """
    parsed = paths.parse(job.outputs[0]) if job.outputs else None
    values = {key: value for key, value in parsed[1].items() if key != "scale"} if parsed else {}
    subject = Subject(config, values, job.outputs, registry)
    cost = _ESTIMATES[job.rule](subject) if job.rule in _ESTIMATES else Cost()
    gpu, processor = cost.gpu, cost.processor
    if job.on_gpu:
        gpu = gpu if gpu != NOTHING and not subject.is_generated else OPEN
        processor = processor + Amount(subject.require("start"))
    if subject.is_generated:
        processor = OPEN
    used = frozenset() if subject.is_generated else frozenset(subject.used)
    return Cost(cost.items, cost.unit, gpu, processor, cost.n_bytes, used)


# ---- scaling -------------------------------------------------------------------------------------------------------


def _measured(name: str) -> towers.Model:
    model = towers.description(MEASURED[name])
    assert model is not None, MEASURED[name]
    return model


def seconds_an_image(subject: Subject, precision: str) -> float | None:
    """Of a GPU, from a JPEG to its feature; the GPU waits where the threads of a job decode slower than it encodes."""
    model = subject.model
    if model is None or subject.is_generated or f"features, {precision}" not in FIGURES:
        return None
    ratio = towers.image_flops(model) / towers.image_flops(_measured("L"))
    stage = subject.require(f"features, {precision}")
    decoding = subject.require("decoding") / DECODING_THREADS * machine.threads_of_a_job(None)
    beyond = 0.0 if ratio == 1 else (ratio - 1) / subject.require(f"tower, {precision}")
    return max(1 / decoding, 1 / stage + beyond)


def seconds_an_oti_step(model: towers.Model, n_images: float, subject: Subject) -> float:
    """Of a GPU, for so many images at once."""
    reference, precision = _measured("L"), subject.precision("inversions")
    ratio = towers.text_flops(model) / towers.text_flops(reference)
    scaled = subject.require(f"OTI, {precision}") * n_images / STEP_OF * ratio
    return max(scaled, subject.require(f"OTI, least, {precision}") * model.text.layers / reference.text.layers)


def seconds_a_lincir_step(model: towers.Model, batch: int, subject: Subject) -> float:
    """Of a GPU; the nearest of both measured backbones is scaled, and no layer takes less than the faster one's."""
    flops = {name: towers.text_flops(_measured(name)) for name in MEASURED}
    nearest = min(flops, key=lambda name: abs(math.log(towers.text_flops(model) / flops[name])))
    ratio = towers.text_flops(model) / flops[nearest]
    measured = {name: subject.require(f"LinCIR, {name}, {subject.precision('networks')}") for name in MEASURED}
    least = min(seconds / _measured(name).text.layers for name, seconds in measured.items())
    return max(measured[nearest] * ratio * batch / STEP_OF, least * model.text.layers)


# ---- stages --------------------------------------------------------------------------------------------------------


def fetched_file(job: Job, config: Config) -> str:
    """The file that a job of fetch_file brings, relative to the data root."""
    return job.outputs[0].removeprefix(f"{config['data_root']}/")


def _fetch_file(of: Subject) -> Cost:
    entry = of.registry.get(fetched_file(Job("fetch_file", of.outputs), of.config))
    return Cost(Amount(1), "files", n_bytes=Amount.of(entry.n_bytes if entry else None))


def _fetch_backbone(of: Subject) -> Cost:
    model = of.model
    return Cost(Amount(1), "models", n_bytes=Amount.of(towers.n_parameters(model) * _FLOAT if model else None))


def _shard_images(of: Subject) -> Cost:
    entry = of.config["image_sets"][of.values["image_set"]]
    whole = of.figure(f"GB of {entry['dataset']} {entry['split']}")
    n_bytes = None if whole is None else whole * 1e9 * of.n_images / entry["n_images"]
    return Cost(Amount(of.n_images), "images", n_bytes=Amount.of(n_bytes))


def _vectors(of: Subject, count: float | None, dim: str = "dim") -> Amount:
    """Bytes of so many vectors of the features' size, or of the text tower's width."""
    model = of.model
    if model is None or count is None:
        return OPEN
    return Amount(count * _FLOAT * (model.dim if dim == "dim" else model.text.width))


def _extract_features(of: Subject) -> Cost:
    seconds = seconds_an_image(of, of.precision("features"))
    decoding = of.n_images * DECODING_THREADS / of.require("decoding")
    gpu = None if seconds is None else seconds * of.n_images
    return Cost(Amount(of.n_images), "images", Amount.of(gpu), Amount(decoding), _vectors(of, of.n_images))


def _images(of: Subject) -> Cost:
    return Cost(Amount(of.n_images), "images")


def _associate_concepts(of: Subject) -> Cost:
    seconds = of.figure("associating")
    return Cost(Amount(of.n_images), "images", processor=Amount.of(seconds and seconds * of.n_images / ASSOCIATED))


def _encode_concepts(of: Subject) -> Cost:
    return Cost(Amount.of(of.n_concepts), "concepts", n_bytes=_vectors(of, of.n_concepts))


def _sample_phrases(of: Subject) -> Cost:
    return Cost(Amount.of(of.n_phrases), "phrases")


def _encode_phrases(of: Subject) -> Cost:
    count, rate = of.n_phrases, of.require("tokenising")
    processor = OPEN if count is None else Amount(count / rate, is_open=True)
    return Cost(Amount.of(count), "phrases", processor=processor, n_bytes=_vectors(of, count))


def _tag_captions(of: Subject) -> Cost:
    count, kind = of.n_captions, of.config["corpora"][of.values["corpus"]]["kind"]
    # Documents are longer than captions, and their archive is read once more by each job.
    seconds = None if count is None or kind == "openwebtext" else count / of.require("tagging")
    return Cost(Amount.of(count), "captions", processor=Amount.of(seconds))


def _encode_captions(of: Subject) -> Cost:
    return Cost(Amount.of(of.n_captions), "captions", n_bytes=_vectors(of, of.n_captions))


def _caption_images(of: Subject) -> Cost:
    return Cost(Amount.of(of.n_references), "images")


def _invert_images(of: Subject) -> Cost:
    asked = jobs.benchmarks_on(of.config, of.values["image_set"], of.values["preprocess"])
    count, model = of.n_references if asked else of.n_images, of.model
    entry = of.config["inversions"][of.values["inversion"]]
    seconds: float | None = None
    # Measured with phrases; without them a step reads less.
    is_measured = entry["kind"] == "oti" and entry["regulariser"] == "phrases" and entry["lambda_gpt"] > 0
    if is_measured and model is not None and count is not None and not of.is_generated:
        whole, rest = divmod(math.ceil(count), entry["batch"])
        sizes = [entry["batch"]] * whole + [rest] * bool(rest)
        seconds = entry["steps"] * sum(seconds_an_oti_step(model, size, of) for size in sizes)
    # The host launches kernels as long as the GPU works.
    n_bytes = _vectors(of, count, "width")
    return Cost(Amount.of(count), "images", Amount.of(seconds), Amount.of(seconds), n_bytes)


def n_steps(config: Config, network: str, backbone: str) -> float | None:
    """Steps of a network's training; None if its settings do not say so."""
    entry = jobs.network(config, network, backbone)
    if jobs.learns_from_triplets(config, network):
        return None
    if entry["source"] in jobs.UNTRAINED:
        return 0.0
    if "n_words" in entry:  # PALAVRA: two passes over its words
        return float(entry["epochs"] * 2 * -(-entry["n_words"] // entry["batch"]))
    if "steps" in entry:
        return float(entry["steps"])
    if "epochs" in entry and "image_set" in entry:
        return float(entry["epochs"] * max(1, config["image_sets"][entry["image_set"]]["n_images"] // entry["batch"]))
    return None


def _steps_over_triplets(of: Subject) -> float | None:
    """Steps of a network that learns from triplets; None of another, or if it is not known how many there are."""
    network, backbone = of.values["network"], of.values["backbone"]
    if not jobs.learns_from_triplets(of.config, network):
        return None
    entry = jobs.network(of.config, network, backbone)
    images = of.config["image_sets"][entry["image_set"]]
    count = of.figure(f"triplets of {images['dataset']} {images['split']}")
    return None if count is None else float(entry["epochs"] * max(1, int(count) // entry["batch"]))


def _train_network(of: Subject) -> Cost:
    network, backbone = of.values["network"], of.values["backbone"]
    steps, model = n_steps(of.config, network, backbone) or _steps_over_triplets(of), of.model
    if inputs.trainer(of.config, network) != "lincir" or model is None or steps is None or of.is_generated:
        return Cost(Amount.of(steps), "steps")
    batch = jobs.network(of.config, network, backbone)["batch"]
    host = of.require("LinCIR, host") * model.text.layers / _measured("L").text.layers
    making = of.require("LinCIR, batch") * batch / STEP_OF
    gpu = steps * seconds_a_lincir_step(model, batch, of)
    return Cost(Amount(steps), "steps", Amount(gpu), Amount(steps * (host + making)))


def _finetune_backbone(of: Subject) -> Cost:
    entry, model = of.config["backbones"][of.values["backbone"]]["weights"], of.model
    n_images = of.config["image_sets"][entry["image_set"]]["n_images"]
    n_bytes = Amount.of(towers.n_parameters(model) * _FLOAT if model else None)
    return Cost(Amount(float(entry["epochs"] * (n_images // entry["batch"]))), "steps", n_bytes=n_bytes)


def _decode_images(of: Subject) -> Cost:
    css, preprocess = of.config.get("css"), of.values["preprocess"]
    pixels = float(css["width"] * css["height"]) if preprocess == "native" and css else None
    side = of.figure("pixels of resnet") if preprocess == "resnet" else None
    pixels = side**2 if side else pixels
    return Cost(Amount(of.n_images), "images", n_bytes=Amount.of(pixels and of.n_images * 3 * pixels))


def _train_composer(of: Subject) -> Cost:
    steps = composers.settings(of.config, of.values["training"], of.values["method"])["steps"]
    return Cost(Amount(float(steps)), "steps")


def _pictures_of_css(of: Subject, view: str) -> float:
    sets = of.config["image_sets"].values()
    return float(sum(one["n_images"] for one in sets if one["dataset"] == "css" and one["split"].endswith(view)))


def _render_css(of: Subject) -> Cost:
    count, css = _pictures_of_css(of, "3d"), of.config["css"]
    share = css["width"] * css["height"] * css["samples"] / (180 * 120 * 64)
    return Cost(Amount(count), "pictures", processor=Amount(count * share * of.require("rendering")))


def _draw_blobs(of: Subject) -> Cost:
    count = _pictures_of_css(of, "2d")
    return Cost(Amount(count), "pictures", processor=Amount(count * of.require("blobs")))


def _evaluate(of: Subject) -> Cost:
    return Cost(Amount(float(sum("/metrics/" in name for name in of.outputs))), "runs")


#: What a job of a rule takes; of any other rule nothing is known.
_ESTIMATES: Mapping[str, Callable[[Subject], Cost]] = {
    "fetch_file": _fetch_file,
    "fetch_backbone": _fetch_backbone,
    "random_backbone": _fetch_backbone,
    "list_images": _images,
    "shard_images": _shard_images,
    "extract_features": _extract_features,
    "associate_concepts": _associate_concepts,
    "encode_concepts": _encode_concepts,
    "sample_phrases": _sample_phrases,
    "encode_phrases": _encode_phrases,
    "tag_captions": _tag_captions,
    "encode_captions": _encode_captions,
    "caption_images": _caption_images,
    "invert_images": _invert_images,
    "train_network": _train_network,
    "finetune_backbone": _finetune_backbone,
    "decode_images": _decode_images,
    "train_composer": _train_composer,
    "render_css": _render_css,
    "draw_blobs": _draw_blobs,
    "evaluate": _evaluate,
    "evaluate_composers": _evaluate,
    "score": _evaluate,
}
