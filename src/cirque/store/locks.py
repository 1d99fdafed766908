"""Tell a running Snakemake from one that was killed, so that a kill needs no `snakemake --unlock` afterwards.

Snakemake's own lock is a file that a SIGKILL leaves behind. Beside it the workflow holds a lock of the operating
system, which ends with the process: whoever gets it knows that no run is alive here and may remove the files.
"""

import fcntl
from pathlib import Path
from typing import IO


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
