"""The recipe of the image, as far as it can be read without Apptainer: sections, base, and what it installs."""

import re
import subprocess

import pytest
import yaml

from tests.conftest import REPOSITORY

RECIPE = (REPOSITORY / "envs/cirque.def").read_text(encoding="utf-8")
#: Of Apptainer's definition files.
SECTIONS = {"arguments", "setup", "files", "environment", "post", "runscript", "startscript", "test", "labels", "help"}


def sections() -> dict[str, str]:
    """Text below each %name; the header below the empty one."""
    parts = re.split(r"^%(\w+)[^\n]*\n", RECIPE, flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[0::2], strict=True))


def header() -> dict[str, str]:
    lines = [line for line in sections()[""].splitlines() if line.strip() and not line.startswith("#")]
    return dict(line.split(": ", 1) for line in lines)


def copied() -> dict[str, str]:
    """Files of the project by their place in the image."""
    return {place: file for file, place in map(str.split, sections()["files"].strip().splitlines())}


def test_each_section_is_one_that_apptainer_knows_and_stands_once():
    names = re.findall(r"^%(\w+)", RECIPE, re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    assert {"files", "post", "environment", "runscript", "test"} <= set(names) <= SECTIONS


@pytest.mark.parametrize("name", ["post", "environment", "runscript", "test"])
def test_the_lines_of_a_section_are_shell(name: str):
    done = subprocess.run(["sh", "-n"], input=sections()[name], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_base_is_one_release_of_python_on_one_of_debian():
    assert set(header()) == {"Bootstrap", "From"}
    assert header()["Bootstrap"] == "docker"
    image = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-(bookworm)(@sha256:[0-9a-f]{64})?", header()["From"])
    assert image
    # The Python that the lock file is resolved for.
    environment = yaml.safe_load((REPOSITORY / "envs/cirque.yaml").read_text(encoding="utf-8"))
    assert f"python={image[1]}" in environment["dependencies"]
    assert f"--python-version {image[1]} " in (REPOSITORY / "Makefile").read_text(encoding="utf-8")


def test_all_that_is_installed_stands_in_the_lock_files_and_is_checked_by_hash():
    assert copied() == {"/opt/requirements.lock": "requirements.lock", "/opt/uv.lock": "envs/uv.lock"}
    installing = [line for line in sections()["post"].splitlines() if re.search(r"\b(?:install|sync)\b", line)]
    assert len(installing) == 2
    for line, lock in zip(installing, ("/opt/uv.lock", "/opt/requirements.lock"), strict=True):
        assert "--require-hashes" in line
        assert line.split()[-1] == lock
    assert "://" not in RECIPE
    assert not re.search(r"apt-get|curl|wget", RECIPE)


def test_what_the_image_is_tested_with_is_locked():
    (imported,) = re.findall(r'-c "import ([^"]+)"', sections()["test"])
    locked = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").lower().replace("_", "-")
    names = {"open_clip": "open-clip-torch"}
    assert [name for name in imported.split(", ") if f"\n{names.get(name, name)}==" not in f"\n{locked}"] == []
