"""One mind in several processes, as the documents say it: struck by signals, and half said."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
from pathlib import Path

import pytest
from command import Command
from lives import everything, forked
from processes import COMMAND, ENVIRONMENT, children_of, group, is_over, needs_proc, wait_until
from test_worlds import free_port, said_to
from tokenizers import Tokenizer
from worlds import make_home

from upbringing.corpus import Corpus, Tokens
from upbringing.errors import InputError
from upbringing.terminal.progress import life_shown
from upbringing.training import Life, Run, raise_on_order, raising
from upbringing.training.world import World

DOCUMENT = Path(__file__).parent.parent / "docs" / "levers.md"


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An order whose every batch two processes can share."""
    life = "{name: shared, phases: [{name: life, scenes: rest}]}"
    return make_home(tmp_path_factory.mktemp("torchrun") / "home", life)


def documented(home: Path) -> list[str | Path]:
    """The command as docs/levers.md has it, in our environment, for a life of some 150 steps."""
    (line,) = (line for line in DOCUMENT.read_text().splitlines() if line.startswith("torchrun"))
    ours = {name: COMMAND.with_name(name) for name in ("torchrun", "upbringing")}
    options = ["--row-length", "16", "--batch-size", "4", "--device", "cpu"]
    options += ["--tokenizer", str(home / "tokenizer.json")]
    return [*(ours.get(word, word) for word in shlex.split(line)), *options]


def live_undisturbed(home: Path) -> Path:
    """The same life in two processes that nobody strikes, the first of which is slow."""
    port = free_port()
    lives = [forked.Process(target=_live, args=(home, rank, port)) for rank in range(2)]
    for life in lives:
        life.start()
    for life in lives:
        life.join()
    assert [life.exitcode for life in lives] == [0, 0]
    return home / "undisturbed"


def _live(home: Path, rank: int, port: int) -> None:
    os.environ |= said_to(rank, 2, port)
    tokenize = raising.tokenize

    def after_the_first(corpus: Corpus, tokenizer: Tokenizer) -> Tokens:
        if rank == 0:
            time.sleep(0.5)
        else:
            assert (corpus.path / "tokens").exists()
        return tokenize(corpus, tokenizer)

    raising.tokenize = after_the_first
    tokenizer = home / "tokenizer.json"
    life = Life(row_length=16, batch_size=4, device="cpu", tokenizer=tokenizer)
    raise_on_order(home / "order", home / "corpus", home / "undisturbed", life)


@needs_proc
def test_struck_by_sigterm_and_by_sigkill_it_goes_on_to_the_same_bytes(
    shared_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "GLOO_SOCKET_IFNAME", "lo")
    shutil.rmtree(shared_home / "corpus" / "tokens")
    undisturbed = live_undisturbed(shared_home)
    command, mind = documented(shared_home), shared_home / "mind"
    with group(command, shared_home) as process:
        wait_until(lambda: any(mind.glob("checkpoints/age_0.0500")), process)
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=120)
    assert complaints.count("saved: the same command continues") == 2
    (snapshot,) = (mind / "resume").iterdir()
    with group(command, shared_home) as process:
        wait_until(lambda: any(mind.glob("checkpoints/age_0.3000")), process)
        ranks = children_of(process.pid)
        assert len(ranks) == 2
        os.kill(max(ranks), signal.SIGKILL)
        process.communicate(timeout=120)
    assert process.returncode
    assert all(map(is_over, ranks))
    assert [*(mind / "resume").iterdir()] == [snapshot]
    with group(command, shared_home) as process:
        said, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (0, "")
    assert said.count("11 checkpoints") == 1  # the first process speaks for both

    bytes_of = [everything(place) for place in (mind, undisturbed)]
    for files in bytes_of:
        del files["run.json"]  # which says the command, and by its digest all else
    assert bytes_of[0] == bytes_of[1]
    assert Run.open(mind).digest == Run.open(undisturbed).digest


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE=2, and no RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT\n"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "WORLD_SIZE=2, and no LOCAL_RANK, MASTER_ADDR"),
        ({"RANK": "1"}, "RANK=1 in a world of 1\n    allowed: 0\n"),
        (said_to(2, 2, 1), "RANK=2 in a world of 2\n    allowed: 0 to 1\n"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two\n    allowed: a number"),
    ],
)
def test_a_world_that_is_half_said_is_refused(
    said: dict[str, str],
    problem: str,
    home: Path,
    upbringing: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    found = upbringing("train", home / "order", "--corpus", home / "corpus", "-o", "mind")
    assert found.code == 2
    assert found.err.startswith(f"error: the environment says {problem}")
    assert not Path("mind").exists()


def test_the_first_process_of_a_world_shows_the_life(monkeypatch: pytest.MonkeyPatch) -> None:
    for rank in range(2):
        for name, value in said_to(rank, 2, 1).items():
            monkeypatch.setenv(name, value)
        assert World.of_process() == World(rank, 2)
        with life_shown("a mind") as watch:
            assert (watch is None) == (rank > 0)
    monkeypatch.setenv("RANK", "2")
    with pytest.raises(InputError), life_shown("a mind"):
        pytest.fail("a world of which we are not is shown")
