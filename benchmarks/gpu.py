"""What a GPU makes of the stages that want one: `python benchmarks/gpu.py`. Without a GPU it says that this is open.

Random weights at real sizes, drawn images and texts. Features go the whole way of `extract_features`: JPEG files are
decoded by all cores and encoded by ViT-L/14. A step of inversion and one of LinCIR's training are as the stages take
them. Each line has its share of the matrix peak of its own precision, which is measured first. Operations are counted
by torch, a multiplication with its addition as two.
"""

import io
import json
import logging
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lincir_step
import numpy as np
import oti_step
import side_by_side
import torch
import tyro
from PIL import Image
from torch.profiler import ProfilerActivity, profile

from cirque.data.shards import Sample
from cirque.encoders import clip, extraction
from cirque.inversion import oti, oti_batches
from cirque.networks import phi
from cirque.trainers import lincir
from cirque.training import masked_captions

#: Side of the matrices of which the peak is measured.
SIDE = 8192

#: Sizes of drawn photographs: those of COCO's, mostly.
WIDTH, HEIGHT = 640, 480

#: What a step's products are computed in: a type, and whether TF32 may stand in for fp32.
PRECISIONS = {"fp32": (torch.float32, False), "tf32": (torch.float32, True), "bf16": (torch.bfloat16, False)}


@dataclass(frozen=True)
class Bench:
    """What all parts measure with."""

    device: torch.device
    peaks: Mapping[str, float]  # TFLOP/s by precision
    rounds: int
    lines: list[dict[str, Any]]

    def tell(self, **line: Any) -> None:
        """Print a line of figures, and keep it."""
        self.lines.append(line)
        shown = (f"{key} {value:,.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in line.items())
        print("  ".join(shown), flush=True)


def main(
    *,
    images: int = 4096,
    batches: tuple[int, ...] = (32, 512),
    captions: int = 512,
    rounds: int = 5,
    precisions: tuple[str, ...] = tuple(PRECISIONS),
    parts: tuple[Literal["features", "inversion", "lincir"], ...] = ("features", "inversion", "lincir"),
    output: Path | None = None,
) -> None:
    """Print all figures, and write them as JSON.

    Args:
        images: Drawn for the features.
        batches: Images that are inverted together.
        captions: Of LinCIR's batch.
        rounds: Timed steps; their median is printed.
        precisions: Of fp32, tf32 and bf16.
        parts: What is measured.
        output: JSON file.
    """
    if not torch.cuda.is_available():
        print("no GPU here: the figures of docs/performance.md for one are open")
        return
    logging.getLogger().setLevel(logging.ERROR)
    device = torch.device("cuda")
    bench = Bench(device, {name: peak(name, device, rounds) for name in precisions}, rounds, [])
    bench.tell(gpu=torch.cuda.get_device_name(), torch=torch.__version__, cores=os.cpu_count())
    bench.tell(what="matrix peak, TFLOP/s", **bench.peaks)
    for part in parts:
        {"features": features, "inversion": inversion, "lincir": training}[part](
            {"features": (images,), "inversion": batches, "lincir": (captions,)}[part], bench
        )
        if output is not None:
            output.write_text(json.dumps(bench.lines, indent=1) + "\n", encoding="utf-8")


# ---- measuring -----------------------------------------------------------------------------------------------------


def allow(name: str) -> torch.dtype:
    """Set torch to a precision; the type that goes with it."""
    dtype, tf32 = PRECISIONS[name]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    return dtype


def seconds(step: Callable[[], Any], rounds: int) -> float:
    """Median time of a step, the device's work included, after two that are not counted."""
    found = []
    for number in range(rounds + 2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        if number > 1:
            found.append(time.perf_counter() - start)
    return statistics.median(found)


def peak(name: str, device: torch.device, rounds: int) -> float:
    """TFLOP/s of a product of two large matrices."""
    dtype = allow(name)
    one, other = (torch.randn(SIDE, SIDE, device=device, dtype=dtype) for _ in range(2))
    return 2 * SIDE**3 / seconds(lambda: one @ other, rounds) / 1e12


def kernels(step: Callable[[], Any]) -> int:
    """Kernels that a step launches, copies included."""
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
        step()
        torch.cuda.synchronize()
    return sum(1 for event in seen.events() if "CUDA" in str(event.device_type))


def host_seconds(step: Callable[[], Any]) -> float:
    """Time until a step's last launch: what the host takes, if nothing waits for the device."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    taken = time.perf_counter() - start
    torch.cuda.synchronize()
    return taken


# ---- features ------------------------------------------------------------------------------------------------------


def photographs(n: int, width: int = WIDTH, height: int = HEIGHT) -> list[Sample]:
    """JPEG files of smooth noise, of the size and roughly the bytes of a photograph."""
    generator = np.random.default_rng(0)
    files = []
    for _ in range(32):
        coarse = generator.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        noise = generator.normal(0, 12, (height, width, 3))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
        files.append(buffer.getvalue())
    return [Sample(str(number), files[number % len(files)]) for number in range(n)]


def features(sizes: Sequence[int], bench: Bench) -> None:
    """Images a second of ViT-L/14: decoding alone, the tower alone, and the stage's whole way."""
    (n,), device = sizes, bench.device
    name = "ViT-L-14-quickgelu"
    model = clip.build(name, clip.read_config(name)).eval().requires_grad_(False).to(device)
    batch, workers = extraction.BATCH["cuda"], os.cpu_count() or 1
    samples = photographs(n)
    start = time.perf_counter()
    decoded = list(extraction.decode_all(samples, "targetpad", 224, workers, ahead=2 * batch))
    bench.tell(
        what="decoding", workers=workers, images_per_s=n / (time.perf_counter() - start), bytes=len(samples[0].data)
    )
    pixels = [picture for _, picture in decoded if not isinstance(picture, str)][:batch]
    reference = None
    for precision in bench.peaks:
        dtype = allow(precision)
        tower = model.to(dtype)
        encode = extraction.encoder(tower.encode_image, clip.MEAN, clip.STD, device, dtype)
        given = torch.zeros(batch, 3, 224, 224, device=device, dtype=dtype)
        with torch.inference_mode():
            of_batch = side_by_side.operations(lambda tower=tower, given=given: tower.encode_image(given))
        alone = seconds(lambda encode=encode: extraction.encode_padded(encode, pixels, batch), 3)
        start = time.perf_counter()
        whole = extraction.decode_all(samples, "targetpad", 224, workers, ahead=2 * batch)
        extraction.extract(whole, encode, 768, batch, n)
        together = time.perf_counter() - start
        made = encode(np.stack(pixels))
        reference = made if reference is None else reference
        cosines = (made * reference).sum(1) / np.linalg.norm(made, axis=1) / np.linalg.norm(reference, axis=1)
        bench.tell(
            what="features ViT-L/14",
            precision=precision,
            least_cosine_with_the_first=float(cosines.min()),
            tower_images_per_s=batch / alone,
            stage_images_per_s=n / together,
            share_of_peak=of_batch / alone / bench.peaks[precision],
        )
    del model
    torch.cuda.empty_cache()


# ---- inversion -----------------------------------------------------------------------------------------------------


def inversion(sizes: Sequence[int], bench: Bench) -> None:
    """A step of OTI on ViT-L/14's text tower."""
    device, rounds = bench.device, bench.rounds
    backbone = lincir_step.random_backbone("ViT-L-14-quickgelu", device)
    pool = oti_step.random_pool(backbone, n_phrases=16)
    for n in sizes:
        images = oti_step.random_images(backbone, n)
        settings = oti.Settings(**{**vars(oti_step.SETTINGS), "steps": rounds + 6, "batch": n})
        start = oti.State.initial(images.image_ids, backbone.token_dim, settings.init_std, 0, device).tokens
        for precision in bench.peaks:
            dtype = allow(precision)
            prepared = time.perf_counter()
            batch = oti_batches.Batch(oti_batches.encoder_for(backbone, dtype), images, pool, settings, seed=0)
            prepared = time.perf_counter() - prepared
            numbers = iter(range(10**6))

            def texts(batch: oti_batches.Batch = batch, numbers: Any = numbers) -> oti_batches.StepTexts:
                return batch.texts_of(next(numbers) % (rounds + 6))

            given = texts()

            def step(batch: oti_batches.Batch = batch, start: torch.Tensor = start, given: Any = given) -> None:
                oti_step.our_step(batch, start, given)

            taken = seconds(step, rounds)
            bench.tell(
                what="OTI ViT-L/14",
                images=n,
                precision=precision,
                ms=1000 * taken,
                batch_ms=1000 * seconds(texts, rounds),
                host_ms=1000 * host_seconds(step),
                kernels=kernels(step),
                share_of_peak=side_by_side.operations(step) / taken / bench.peaks[precision],
                texts_of_batch_s=prepared,
            )
    del backbone, pool
    torch.cuda.empty_cache()


# ---- LinCIR --------------------------------------------------------------------------------------------------------


def training(sizes: Sequence[int], bench: Bench) -> None:
    """A step of LinCIR's training, at ViT-L/14 and ViT-bigG/14."""
    (n,), device, rounds = sizes, bench.device, bench.rounds
    for model in ("ViT-L-14-quickgelu", "ViT-bigG-14"):
        backbone = lincir_step.random_backbone(model, device)
        corpus = lincir_step.random_corpus(backbone, lincir_step.MIXES["half prompts"], n)
        settings = lincir.Settings(**{**vars(lincir_step.SETTINGS), "batch": n})
        for precision in bench.peaks:
            dtype = allow(precision)
            source = masked_captions.MaskedCaptions(backbone, corpus, settings, seed=0, dtype=dtype)
            network = phi.initial(backbone.dim, backbone.token_dim, settings.dropout, 0).train().to(device)
            optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
            numbers = iter(range(10**6))

            def batch(source: Any = source, numbers: Any = numbers) -> Any:
                return source.batch(next(numbers))

            def step(given: Any, source: Any = source, network: Any = network, optimiser: Any = optimiser) -> None:
                loss = source.loss(given, network(given.noisy))
                optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimiser.step()

            given = batch()
            on_device = seconds(lambda step=step, given=given: step(given), rounds)
            bench.tell(
                what=f"LinCIR {model}",
                captions=n,
                precision=precision,
                ms=1000 * on_device,
                batch_ms=1000 * seconds(batch, rounds),
                host_ms=1000 * host_seconds(lambda step=step, given=given: step(given)),
                kernels=kernels(lambda step=step, given=given: step(given)),
                share_of_peak=side_by_side.operations(lambda step=step, given=given: step(given))
                / on_device
                / bench.peaks[precision],
                memory_gib=torch.cuda.max_memory_allocated() / 2**30,
            )
            torch.cuda.reset_peak_memory_stats()
        del backbone, corpus
        torch.cuda.empty_cache()


if __name__ == "__main__":
    tyro.cli(main)
