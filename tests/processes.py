"""Processes that a test begins, looks into through /proc, and strikes with signals."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("upbringing")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "100"}

needs_proc = pytest.mark.skipif(not Path("/proc").exists(), reason="asks /proc for the workers")


def group(command: Sequence[str | Path], where: Path | None = None) -> subprocess.Popen[str]:
    """The command under way as the first of a group of its own, its output caught as text."""
    return subprocess.Popen(
        command,
        cwd=where,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
    )


def wait_until(so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that the process does before it ends."""
    while not so():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def children_of(parent: int) -> list[int]:
    """Processes whose parent is `parent`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def workers_of(parent: int) -> list[int]:
    """The processes that `parent` spawned to work for it."""
    return [
        pid
        for pid in children_of(parent)
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def is_over(pid: int) -> bool:
    """Whether a process has ended, though nobody may have asked how yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
