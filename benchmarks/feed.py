"""How fast an exact order is fed, beside others that can be made to feed it.

    python benchmarks/feed.py                      all ways, in ten rounds
    python benchmarks/feed.py --rounds 3           sooner, and rougher

100 million drawn tokens in 500,000 documents, in a random order, become rows of 1,025, batches of
16, tensors of int64. `read` applies the order while it is read; `file` reads a file that was
written in order. Each way is a process of its own, on one thread where it starts no others; in each
round each of them feeds for a second, one after another, so that a busy machine is busy for all.
Speeds are medians over the rounds. Resuming, the least of the rounds, goes from imported libraries
to the batch at 90%: it opens the files, and checks no digests. The first and last 100 batches of
each way are compared with the tokens in order, element by element, and all batches of ours.

The peers' packages are installed by pip into a folder outside the repository (`--peers`), which is
kept. Needs 1.5 GB of disk and 4 GB of memory. The last lines say what holds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from upbringing.identity import generator

HERE = Path(__file__).parent
NUM_TOKENS, NUM_DOCUMENTS = 100_000_000, 500_000
SHORTEST, LONGEST = 40, 360
PACKAGES = ("torch==2.13.0", "datasets==5.2.0", "grain==0.2.18")
BARE_PACKAGES = ("megatron-core==0.16.1",)  # what it asks for needs a GPU; its datasets do not


@dataclass(frozen=True)
class Way:
    """A way of feeding: a function of a module in `feed_peers`, and whose it is."""

    name: str
    module: str
    function: str
    applied: str = "read"
    packing: str = "stream"

    @property
    def is_ours(self) -> bool:
        return self.module == "with_upbringing"

    @property
    def needs_peers(self) -> bool:
        return self.module in ("with_datasets", "with_grain", "with_megatron")


OURS = Way("ours", "with_upbringing", "stream")
OURS_FROM_FILE = Way("ours, row file", "with_upbringing", "exported", "file")
PLAIN = Way("memory-mapped, a slice a batch", "with_numpy", "ordered", "file")
ARROW = Way("datasets, select, Arrow tables", "with_datasets", "arrow")
WAYS = (
    OURS,
    Way("ours, no document cut", "with_upbringing", "whole", packing="whole"),
    Way("NumPy, an index of every token", "with_numpy", "gathered"),
    Way("datasets, select, DataLoader", "with_datasets", "loader"),
    Way("datasets, select, iter", "with_datasets", "iterated"),
    ARROW,
    Way("Grain, no threads", "with_grain", "threadless"),
    Way("Grain, default", "with_grain", "default"),
    Way("Megatron, two functions replaced", "with_megatron", "patched"),
    OURS_FROM_FILE,
    PLAIN,
)


class LeftOutError(Exception):
    """A way that cannot be measured here."""


@dataclass
class Served:
    """The process of a way, and what was measured of it."""

    way: Way
    process: subprocess.Popen[str]
    log: Path
    speeds: list[float] = field(default_factory=list)
    cpu_speeds: list[float] = field(default_factory=list)
    resumes_ms: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, way: Way, folder: Path, python: Path) -> Served:
        log = folder / f"{way.module}.{way.function}.log"
        command = [python, HERE / "feed_peers" / "serve.py", folder]
        with log.open("w") as errors:
            process = subprocess.Popen(
                [*map(str, command), way.module, way.function, way.packing],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        served = cls(way, process, log)
        served.answer()
        return served

    def ask(self, *command: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise LeftOutError((self.log.read_text().splitlines() or ["ended"])[-1])
        return json.loads(line)

    def round(self, seconds: float) -> None:
        fed = self.ask("feed", seconds)
        self.speeds.append(fed["a_second"] / 1e6)
        self.cpu_speeds.append(fed["a_cpu_second"] / 1e6)
        self.resumes_ms.append(self.ask("resume"))

    @property
    def speed(self) -> float:
        return median(self.speeds)

    @property
    def row(self) -> str:
        return (
            f"{self.way.name:<34} {self.way.applied:<6} {self.speed:>10.1f}"
            f" {median(self.cpu_speeds):>14.1f} {min(self.resumes_ms):>12.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each way in a round")
    parser.add_argument("--peers", type=Path, default=Path.home() / ".cache" / "feed-peers")
    asked = parser.parse_args()
    peers = install(asked.peers)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw(folder)
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        print(f"load {load:.1f} on {cores} cores", flush=True)
        if load > cores / 2:
            print("others work on this machine: all speeds are lower for it", flush=True)
        running = started(folder, peers)
        for _ in range(asked.rounds):
            for served in running.values():
                served.round(asked.seconds)
        print(f"load {os.getloadavg()[0]:.1f} after {asked.rounds} rounds; million tokens:")
        print(f"{'':<34} {'order':<6} {'a second':>10} {'a CPU second':>14} {'resume, ms':>12}")
        for served in running.values():
            print(served.row)
        print(*said(running), sep="\n")
        for served in running.values():
            served.process.kill()


def install(place: Path) -> Path:
    """The Python of the peers, in a folder that is made once."""
    python = place / "bin" / "python"
    if not (place / "installed").exists():
        venv.create(place, with_pip=True)
        constraints = HERE.parent / "constraints.txt"
        pip = [python, "-m", "pip", "install", "--quiet", "-c", constraints]
        subprocess.run([*pip, *PACKAGES], check=True)
        subprocess.run([*pip, "--no-deps", *BARE_PACKAGES], check=True)
        (place / "installed").touch()
    return python


def draw(folder: Path) -> None:
    """The files that `feed_peers/shared.py` describes."""
    draws = generator(0, "benchmark feed")
    lengths = draws.integers(SHORTEST, LONGEST + 1, NUM_DOCUMENTS)
    excess = int(lengths.sum()) - NUM_TOKENS
    lengths[: abs(excess)] -= np.sign(excess)
    offsets = np.concatenate([[0], lengths.cumsum()])
    ids = draws.integers(1, 32_000, NUM_TOKENS, dtype=np.uint16)
    ids[offsets[:-1]] = 0
    sequence = draws.permutation(NUM_DOCUMENTS).astype(np.uint32)
    ordered = np.concatenate([ids[offsets[n] : offsets[n + 1]] for n in sequence.tolist()])
    for name, array in {
        "ids": ids,
        "offsets": offsets,
        "sequence": sequence,
        "ordered": ordered,
    }.items():
        np.save(folder / f"{name}.npy", array)


def started(folder: Path, peers: Path) -> dict[Way, Served]:
    """The ways that feed what they should; peers that do not are named, and left out."""
    running = {}
    for way in WAYS:
        try:
            served = Served.start(way, folder, peers if way.needs_peers else Path(sys.executable))
            num = NUM_TOKENS if way.is_ours else 100
            if not served.ask("check", num):
                raise LeftOutError("feeds something else")
        except LeftOutError as reason:
            if not way.needs_peers:
                raise
            print(f"{way.name} is left out: {reason}")
        else:
            running[way] = served
    return running


def said(running: dict[Way, Served]) -> list[str]:
    """What was aimed at, and whether it holds."""
    ours, from_file, plain = running[OURS], running[OURS_FROM_FILE], running[PLAIN]
    peers = [served for way, served in running.items() if way.needs_peers]
    arrow = [served for served in peers if served.way == ARROW]
    best = max((served for served in peers if served.way != ARROW), key=lambda peer: peer.speed)
    bounds = {}
    for peer in [best, *arrow]:
        ratio = ours.speed / peer.speed
        bounds[f"order applied at read: {ratio:.1f} times {peer.way.name}, target 5"] = ratio >= 5
    share = from_file.speed / plain.speed
    bounds[f"from a file in order: {share:.2f} of the plain read, target 0.8"] = share >= 0.8
    resume_ms = min(ours.resumes_ms)
    bounds[f"resume at 90%: {resume_ms:.1f} ms to the first batch, target 5"] = resume_ms <= 5
    memory = ours.ask("memory")
    at = ", ".join(f"{mb:.0f}" for mb in memory)
    bounds[f"memory besides the mapped files: {at} MB at 10, 50, 90%, target under 300, flat"] = (
        max(memory) < 300 and max(memory) - min(memory) < 5
    )
    return [f"{bound}: {'holds' if held else 'falls short'}" for bound, held in bounds.items()]


if __name__ == "__main__":
    main()
