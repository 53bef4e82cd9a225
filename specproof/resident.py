"""Memory of worker processes: what one has, and how much each may have, so that none takes the machine down."""

from __future__ import annotations

import contextlib
import gc
import os
from pathlib import Path

#: The share of the machine's memory that all workers may have together.
SHARE = 0.8


def resident(pid: int) -> int:
    """Megabytes that a process has; 0 where that cannot be known."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    except (OSError, ValueError, IndexError):
        return 0


def limit(workers: int) -> int:
    """Megabytes that each of so many workers may have: a share of what the machine has, or what its container may have."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit: "max"
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return int(total * SHARE / max(1, workers)) >> 20


def seldom_collected() -> None:
    """Terms refer to their arguments and to nothing that refers to them: what Python's collector looks for is hardly there."""
    gc.set_threshold(100_000, 20, 50)
