"""The GPU benchmark runs from end to end, in small and on the CPU, where it measures nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent.parent / "benchmarks" / "raise_gpu.py"


def test_the_benchmark_says_of_each_target_whether_it_holds() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--small"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("device: CPU, a trial of the program")
    said = re.findall(r"^(.+): ([\d.]+).*, target .*: (holds|falls short)$", done.stdout, re.M)
    assert [what for what, _, _ in said] == [
        "3 minds together",
        "one mind of 0.242M",
        "4 minds of 0.01 M tokens",
    ]
    assert all(float(figure) > 0 for _, figure, _ in said)
    assert re.search(r"^matrix peak: [\d.e+-]+ TFLOP/s", done.stdout, re.M)
