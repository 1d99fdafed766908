"""Locks of the operating system, which end with the process that holds them, however it ends.

By one of them a running Snakemake is told from one that was killed, so that a kill needs no `snakemake --unlock`
afterwards: Snakemake's own lock is a file that a SIGKILL leaves behind. By others, jobs of one machine share out its
GPUs.
"""

import fcntl
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

#: What this process has claimed, for as long as it lives.
_claimed: dict[str, IO[str]] = {}


def hold(folder: Path) -> IO[str] | None:
    """Hold the lock of `folder`/.snakemake and remove what a killed run left; None while another run is alive.

    Keep the returned handle for as long as the run lasts.
    """
    state = folder / ".snakemake"
    state.mkdir(exist_ok=True)
    handle = (state / "cirque.lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    for stale in (state / "locks").glob("*.lock"):
        stale.unlink(missing_ok=True)
    return handle


def claim(names: Sequence[str], what: str) -> str | None:
    """Claim the first of some things of this machine that no process of this user has claimed; None if all are.

    Args:
        names: of the things, such as the indices of GPUs.
        what: they are, in one word.
    """
    folder = Path(tempfile.gettempdir()) / f"cirque-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in names:
        key = f"{what}-{name.replace(os.sep, '_')}"
        if key in _claimed:
            return name
        handle = (folder / f"{key}.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            continue
        _claimed[key] = handle
        return name
    return None
