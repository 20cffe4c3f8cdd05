"""Run the peers: every script here against the real library, in an environment of its own.

A script is a module of tests that says in its head what it needs (`# /// script`, as of PEP 723).
Its environment holds that, this package, pytest and hypothesis; it is built once from the registry,
and kept in ${TMPDIR:-/tmp}/upbringing-peers until what is needed changes. `run.py NAME…` runs only
those.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HEAD = re.compile(r"^# /// script\n((?:#.*\n)+?)# ///$", re.MULTILINE)


def needs_of(script: Path) -> tuple[list[str], list[str]]:
    """The packages that a script says it needs, and those to take without what they need.

    The second are `without-dependencies` in its table `[tool.peers]`: libraries that ask for what
    cannot be installed beside this package, and that what is tested here does without.
    """
    head = HEAD.search(script.read_text(encoding="utf-8"))
    if head is None:
        sys.exit(f"{script}: says not what it needs (# /// script … # ///)")
    said = tomllib.loads(re.sub(r"^# ?", "", head[1], flags=re.MULTILINE))
    alone = said.get("tool", {}).get("peers", {}).get("without-dependencies", [])
    return list(said["dependencies"]), list(alone)


def environment_of(script: Path) -> Path:
    """The Python of a script's environment, built if it is not there.

    Raises `CalledProcessError` where a package cannot be installed.
    """
    needs, alone = needs_of(script)
    needs += ["pytest>=8.4", "hypothesis>=6.140"]  # for tests/conftest.py
    made_of = "\n".join([*needs, *alone, (ROOT / "constraints.txt").read_text(), str(ROOT)])
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:12]
    place = Path(tempfile.gettempdir()) / "upbringing-peers" / f"{script.stem}-{digest}"
    python = place / "bin" / "python"
    if not (place / "built").exists():
        print(f"{script.stem}: building {place}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
        subprocess.run([*install, "-e", ROOT, *needs], check=True)
        if alone:
            subprocess.run([*install, "--no-deps", *alone], check=True)
        (place / "built").touch()
    return python


def main() -> None:
    """Run all, or those that are named; the exit code is 1 if one fails."""
    names = sys.argv[1:] or sorted({file.stem for file in HERE.glob("*.py")} - {"run"})
    failed, missing = [], []
    for name in names:
        script = HERE / f"{name}.py"
        try:
            python = environment_of(script)
        except subprocess.CalledProcessError as error:
            why = f"its packages cannot be installed here (pip: {error.returncode})"
            print(f"{name}: skipped, {why}", flush=True)
            missing.append(name)
            continue
        # Other people's warnings are theirs.
        pytest = [python, "-m", "pytest", "-W", "default", "--disable-warnings"]
        if subprocess.run([*pytest, script], cwd=ROOT, check=False).returncode:
            failed.append(name)
    not_run = f", skipped: {', '.join(missing)}" if missing else ""
    print(f"{len(names)} peers, failed: {', '.join(failed) or 'none'}{not_run}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
