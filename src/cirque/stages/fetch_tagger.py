"""Take over a released spaCy pipeline from an installed package, an unpacked folder or a wheel; nothing is fetched."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, provenance
from cirque.texts import tagger


def main(*, model: str, output: Path) -> None:
    """Copy the pipeline into the folder `output`, which appears only when whole and found to work.

    Args:
        model: Name of an installed package such as en_core_web_sm, or path of its folder or of its wheel (.whl).
        output: Folder to make.
    """
    if model.endswith(".whl"):
        with tempfile.TemporaryDirectory() as folder:
            _unpack(Path(model), Path(folder))
            _take_over(folder, output)
    else:
        _take_over(model, output)


def _unpack(wheel: Path, folder: Path) -> None:
    """Write the files of a wheel, which is a ZIP archive, into a folder."""
    provenance.read(wheel)
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    except FileNotFoundError as error:
        raise CirqueError(f"{wheel}: no such file; fetch it from {tagger.RELEASES}") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise CirqueError(f"{wheel}: no whole wheel ({error}); fetch it again from {tagger.RELEASES}") from error


def _take_over(model: str, output: Path) -> None:
    source = tagger.find(model)
    nlp = tagger.load(str(source))
    with files.atomic_folder(output) as partial:
        shutil.copytree(source, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.run.json", "__pycache__"))
    say(f"tagger: {nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']} from {source}")
