"""Every throughput and size that estimates are made of, once, each with its unit and its source.

    FIGURES["features, tf32"].value  # 582.0 images/s

A figure was measured, or is stated by whoever publishes the data. None is a guess: what no figure is known of is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A number that estimates use.

    Attributes:
        value: of it.
        unit: with what it is about.
        source: where it was measured or is stated.
    """

    value: float
    unit: str
    source: str


_GPU = "docs/performance.md, On a GPU: one H200, 16 cores"
_AUDIT = "measured on two shared cores, one thread, processor seconds"

#: With how many of it a figure was measured.
DECODING_THREADS = 16
STEP_OF = 512
ASSOCIATED = 16000

FIGURES: Mapping[str, Figure] = {
    # image features; photographs of 640 × 480, 104 kB
    "features, fp32": Figure(224, "images/s of ViT-L/14, whole stage, fp32", _GPU),
    "features, tf32": Figure(582, "images/s of ViT-L/14, whole stage, TF32", _GPU),
    "features, bf16": Figure(861, "images/s of ViT-L/14, whole stage, bf16", _GPU),
    "tower, fp32": Figure(265, "images/s of ViT-L/14, tower alone, fp32", _GPU),
    "tower, tf32": Figure(953, "images/s of ViT-L/14, tower alone, TF32", _GPU),
    "tower, bf16": Figure(2137, "images/s of ViT-L/14, tower alone, bf16", _GPU),
    "decoding": Figure(1138, f"images/s decoded by {DECODING_THREADS} threads", _GPU),
    # steps
    "OTI, fp32": Figure(0.170, f"s a step of {STEP_OF} images, ViT-L/14, fp32", _GPU),
    "OTI, tf32": Figure(0.104, f"s a step of {STEP_OF} images, ViT-L/14, TF32", _GPU),
    "OTI, bf16": Figure(0.100, f"s a step of {STEP_OF} images, ViT-L/14, bf16", _GPU),
    "OTI, least, fp32": Figure(0.068, "s a step of 32 images, ViT-L/14, fp32: all of it launches kernels", _GPU),
    "OTI, least, tf32": Figure(0.085, "s a step of 32 images, ViT-L/14, TF32: likewise", _GPU),
    "OTI, least, bf16": Figure(0.096, "s a step of 32 images, ViT-L/14, bf16: likewise", _GPU),
    "LinCIR, L, fp32": Figure(0.108, f"s a step of {STEP_OF} captions, ViT-L/14, fp32", _GPU),
    "LinCIR, L, tf32": Figure(0.128, f"s a step of {STEP_OF} captions, ViT-L/14, TF32", _GPU),
    "LinCIR, L, bf16": Figure(0.136, f"s a step of {STEP_OF} captions, ViT-L/14, bf16", _GPU),
    "LinCIR, bigG, fp32": Figure(0.397, f"s a step of {STEP_OF} captions, ViT-bigG/14, fp32", _GPU),
    "LinCIR, bigG, tf32": Figure(0.260, f"s a step of {STEP_OF} captions, ViT-bigG/14, TF32", _GPU),
    "LinCIR, bigG, bf16": Figure(0.287, f"s a step of {STEP_OF} captions, ViT-bigG/14, bf16", _GPU),
    "LinCIR, host": Figure(0.160, "s of the processor a step, ViT-L/14, at most", _GPU),
    "LinCIR, batch": Figure(0.046, "s of the processor to make a batch, at most", _GPU),
    # processors
    "start": Figure(6.9, "s of the processor until a job with torch works", "docs/performance.md, The mini scale"),
    "tagging": Figure(856, "captions/s of one process", _AUDIT),
    "associating": Figure(27.7, f"s for {ASSOCIATED:,} images beside 20,931 concepts", _AUDIT),
    "tokenising": Figure(10500, "phrases/s", _AUDIT),
    "rendering": Figure(
        1.77,
        "s a picture of 180 × 120 with 64 samples, Mitsuba's scalar_rgb",
        "measured on one shared core, processor seconds",
    ),
    "blobs": Figure(0.00034, "s a picture in 2D", "measured on one shared core, processor seconds"),
    # sizes
    "concepts": Figure(20931, "names", "docs/data.md#openimages"),
    "cc3m/GCC-training.tsv": Figure(3318333, "captions", "docs/data.md#cc3m"),
    "sdp/all_prompts.txt": Figure(2.47e6, "prompts, about", "docs/data.md#cc3m"),
    "coyo-700m": Figure(5.8e6, "captions, about", "docs/data.md#coyo"),
    "openwebtext/openwebtext.tar.xz": Figure(8013769, "documents", "docs/data.md#openwebtext"),
    "references of cirr val": Figure(2165, "images", "docs/data.md#cirr"),
    "references of cirr test1": Figure(2178, "images", "docs/data.md#cirr"),
    "references of circo unlabeled": Figure(1017, "images of val and test", "counted in the official annotations"),
    "references of fashioniq val": Figure(4315, "images", "counted in the official annotations"),
    "references of genecis v0": Figure(3889, "images", "counted in the official annotations"),
    "references of imagenet_r val": Figure(10000, "images", "counted in the official lists"),
    "references of coco val2017": Figure(4766, "images", "docs/data.md#coco"),
    "triplets of cirr train": Figure(28225, "triplets", "docs/data.md#cirr"),
    "triplets of fashioniq train": Figure(18000, "triplets", "docs/data.md#fashioniq"),
    "GB of imagenet test": Figure(13, "GB, about", "docs/data.md#imagenet"),
    "GB of circo unlabeled": Figure(19, "GB, about", "config/datasets.tsv"),
    "pixels of resnet": Figure(224, "pixels along a side of a picture", "docs/tables/tirg_fashion200k.md"),
}
