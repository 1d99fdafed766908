"""Render the 3D pictures of CSS; a run that was cut off goes on where it stopped and gives the same bytes."""

import errno
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from cirque.css import pictures, release, render
from cirque.css.grammar import Scene
from cirque.errors import CirqueError
from cirque.progress import progress
from cirque.store import provenance

#: Pictures that a process is given at once.
AT_ONCE = 4


@dataclass(frozen=True)
class Job:
    """One picture: what it shows, how it is drawn, and the folder that it goes to."""

    scene: Scene
    split: str
    number: int
    seed: int
    width: int
    height: int
    samples: int
    folder: Path

    @property
    def path(self) -> Path:
        """Where it lies once it is whole."""
        return self.folder / pictures.file_name(self.split, self.number)


def main(
    *, scenes: Path, images: Path, width: int, height: int, samples: int, seed: int, work: Path, threads: int
) -> None:
    """Write a PNG for each image of both splits.

    Args:
        scenes: File of scenes, ours (JSON) or the release's (.npy).
        images: Folder of the pictures, replaced as a whole.
        width: Of a picture in pixels.
        height: Of a picture in pixels.
        samples: Paths of light for each pixel.
        seed: Of the jitter of camera, lights and objects, and of the samples.
        work: Folder for the pictures of an unfinished run; removed at the end.
        threads: Processes that draw at the same time.
    """
    for name, value in {"width": width, "height": height, "samples": samples, "threads": threads}.items():
        if value < 1:
            raise CirqueError(f"render_css: {name} is {value}; it must be at least 1")
    splits = release.read(scenes)
    settings = {"width": width, "height": height, "samples": samples, "seed": seed}
    name = provenance.fingerprint("render_css", inputs=[scenes], mitsuba=render.version(), **settings)
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        Job(scene, split, number, seed, width, height, samples, folder)
        for split, content in splits.items()
        for number, scene in enumerate(content.images)
    ]
    missing = [job for job in jobs if not job.path.is_file()]
    for _ in progress(
        _drawn(missing, threads),
        total=len(jobs),
        initial=len(jobs) - len(missing),
        what="render CSS in 3D",
        unit="picture",
    ):
        pass
    _move(folder, images)
    shutil.rmtree(work, ignore_errors=True)


def _drawn(jobs: Sequence[Job], threads: int) -> Iterator[None]:
    """Draw pictures, each in a process of its own kind: Mitsuba's results do not depend on which."""
    if not jobs:
        return
    pool = ProcessPoolExecutor(
        min(threads, len(jobs)), mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent
    )
    try:
        yield from pool.map(draw, jobs, chunksize=AT_ONCE)
    except BrokenProcessPool as error:
        raise CirqueError(
            "render_css: a process that draws died, perhaps for want of memory; run again, the pictures so far are kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let a drawing process end with the stage even where that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def draw(job: Job) -> None:
    """Draw one picture and write it whole.

    Raises:
        CirqueError: Mitsuba does not run here, or the file cannot be written.
    """
    picture = render.draw(
        job.scene,
        seed=job.seed,
        split=job.split,
        number=job.number,
        width=job.width,
        height=job.height,
        samples=job.samples,
    )
    partial = job.folder / f".{job.path.name}.{os.getpid()}.part"
    try:
        partial.write_bytes(pictures.png(picture))
        partial.replace(job.path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CirqueError(f"{job.path}: could not be written ({error.strerror or error}); nothing was left") from error


def _move(folder: Path, images: Path) -> None:
    """Put a folder of whole pictures in the place of the old one."""
    for orphan in folder.glob(".*.part"):
        orphan.unlink()
    try:
        images.parent.mkdir(parents=True, exist_ok=True)
        if images.exists():
            shutil.rmtree(images)
        try:
            folder.rename(images)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            partial = images.parent / f".{images.name}.part"  # `work` lies on another disk
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(folder, partial)
            partial.rename(images)
    except OSError as error:
        raise CirqueError(f"{images}: could not be written ({error.strerror or error}); run again") from error
