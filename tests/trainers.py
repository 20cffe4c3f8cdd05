"""What the tests of other people's trainers share: a small life, a mind, and what must come of it.

A trainer is tested by a program that is started in one process or several. It trains the mind by
plain gradient descent on the life at `home`, and leaves the witness's notes and the weights.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from conftest import tiny_scenes
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from upbringing.corpus import tokenize, train_tokenizer, write_corpus
from upbringing.order import compile_order, parse_curriculum
from upbringing.training.consumed import Consumed
from upbringing.training.feed import Feed
from upbringing.training.ledger import Ledger, digests_fed

ROW_LENGTH, BATCH_SIZE, RATE = 32, 12, 0.1
SCALED = """
name: scaled
phases:
  - {name: childhood, scenes: {kind: drama}, lr_scale: 0.5}
  - {name: youth, scenes: rest, arrange: {sort: num_bytes}}
"""

WHOLE = [[(1, 1)], [(1, 3)], [(2, 1)], [(2, 3)]]
"""Lives by their stretches, (world size, accumulation) each: undisturbed."""
BROKEN = [[(1, 3), (2, 1)], [(2, 1), (1, 3)]]
"""The same, killed in between."""


@dataclass(frozen=True)
class Task:
    """What a program is told: where the life is, where its own things go, and how to train.

    With `until` it writes a checkpoint after that step, and dies two steps later; with `resume` it
    goes on from there.
    """

    home: str
    place: str
    accumulation: int = 1
    until: int | None = None
    resume: bool = False
    num_workers: int = 0

    @classmethod
    def told(cls) -> Task:
        """That of this program."""
        return cls(**json.loads(sys.argv[1]))

    @property
    def feed(self) -> Feed:
        return feed_at(Path(self.home))

    @property
    def consumed(self) -> dict[str, Any]:
        """Where to note, and the order of which."""
        return {"place": Path(self.place, "consumed"), "order": Path(self.home, "order")}

    @property
    def micro_batch_size(self) -> int:
        return BATCH_SIZE // self.accumulation // int(os.environ.get("WORLD_SIZE", "1"))

    def mind(self, feed: Feed) -> LlamaForCausalLM:
        """The smallest of Llamas, always the same, which may die."""
        model, last = mind(feed), self.until and (self.until + 1) * self.accumulation
        seen = 0

        def die(*_: Any) -> None:
            nonlocal seen
            seen += model.training
            if last and seen > last:
                os._exit(9)

        model.register_forward_pre_hook(die)
        return model

    def leave(self, model: nn.Module) -> None:
        """Leave the weights at the end."""
        weights = {name: weight.contiguous() for name, weight in model.state_dict().items()}
        save_file(weights, Path(self.place, "weights.safetensors"))


def mind(feed: Feed) -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=feed.rows.tokens.num_vocab, num_hidden_layers=2, **shape)
    )


def home_beside(place: Path) -> Path:
    """A corpus, an order whose phases scale the rate, and a tokenizer; once for a session."""
    home = place.parent / "home"
    if not home.exists():
        corpus = write_corpus(
            home / "corpus", tiny_scenes(), recipe={"made": "by a test"}, inputs={}
        )
        compile_order(corpus, parse_curriculum(SCALED)).save(home / "order")
        tokenizer = train_tokenizer(corpus.scenes["text"].to_list(), 300)
        tokenize(corpus, tokenizer)
        tokenizer.save(str(home / "tokenizer.json"))
    return home


def feed_at(home: Path, **other: Any) -> Feed:
    said = {"row_length": ROW_LENGTH, "batch_size": BATCH_SIZE, **other}
    return Feed.open(home / "order", home / "corpus", tokenizer=home / "tokenizer.json", **said)


def live(program: Path, place: Path, stretches: list[tuple[int, int]], **other: Any) -> None:
    """Let a program live a life in stretches, as `torchrun` starts it, and check what came of it.

    After each stretch but the last it is killed.
    """
    home, until = home_beside(place), 3
    for number, (world_size, accumulation) in enumerate(stretches):
        dies, resumes = number + 1 < len(stretches), number > 0
        task = Task(str(home), str(place), accumulation, until if dies else None, resumes, **other)
        done = launch(program, json.dumps(asdict(task)), world_size=world_size)
        assert dies == bool(done.returncode), done.stderr[-6000:]
    assert_lived(home, place)


def follow_guide(program: str, place: Path, *, world_size: int = 1) -> None:
    """Run a program of docs/your-trainer.md as it stands there, and check what came of it."""
    home, guide = home_beside(place), Path(__file__).parent.parent / "docs" / "your-trainer.md"
    blocks = re.findall(
        r"^```python\n(# (\w+\.py)\n.*?)^```", guide.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    for code, name in blocks:
        (place / name).write_text(code)
    for name in ("corpus", "order", "tokenizer.json"):
        (place / name).symlink_to(home / name)
    done = launch(place / program, world_size=world_size, cwd=place)
    assert not done.returncode, done.stderr[-6000:]
    assert Consumed.open(place / "consumed").verify().startswith("consumed its order")


def launch(
    program: Path, *arguments: str, world_size: int, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in several processes."""
    run = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world_size}"]
    alone = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *run, str(program), *arguments],
        env={**os.environ, **alone, "PYTHONPATH": str(Path(__file__).parent)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@cache
def lived_alone(home: Path) -> tuple[Ledger, dict[str, Tensor]]:
    """The ledger and the weights of the life in one process, whole batch by whole batch."""
    feed, ledger = feed_at(home), Ledger()
    model = mind(feed)
    for step in range(len(feed)):
        batch = feed.batch(step)
        ledger.add(digests_fed(batch))
        logits = model(batch.tokens_BT1[:, :-1]).logits
        targets, counts = batch.tokens_BT1[:, 1:], batch.weights_BT != 0
        model.zero_grad()
        cross_entropy(logits[counts], targets[counts]).backward()
        visit = feed.rows.visits_of_row(int(feed.steps.first_row[step]))[0]
        phase = next(span for span in feed.rows.order.phases if visit < span.stop)
        with torch.no_grad():
            for weight in model.parameters():
                assert weight.grad is not None
                weight.sub_(RATE * phase.levers.lr_scale * weight.grad)
    return ledger, dict(model.state_dict())


def assert_lived(home: Path, place: Path) -> None:
    """The notes at `place` are of the whole order, and the mind is the one raised alone."""
    consumed = Consumed.open(place / "consumed")
    assert consumed.verify().startswith("consumed its order")
    ledger, weights = lived_alone(home)
    assert [rows.tolist() for rows in consumed.ledger().rows] == [r.tolist() for r in ledger.rows]
    assert consumed.ledger().digest == ledger.digest
    born = mind(consumed.feed).state_dict()
    for name, weight in load_file(place / "weights.safetensors").items():
        moved, apart = (weights[name] - born[name]).norm(), (weight - weights[name]).norm()
        assert apart < 1e-3 * moved, f"{name}: {apart:.2e} apart, of {moved:.2e} moved"
