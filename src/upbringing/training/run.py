"""A run: one mind raised on one order from one seed, as a folder.

run/recipe.json       what the result depends on, written before the first step
run/checkpoints/      stock Hugging Face folders, one an age
run/ema/              the moving averages of the weights at the end, one a half-life
run/resume/           the last snapshot, while the run is under way
run/metrics.parquet   step, age, loss (nats a token), gradient norm, learning rate
run/ledger.parquet    what was consumed
run/borders/          the minds between stretches of levers, while the run is under way
run/changes.parquet   how far each weight moved while each stretch of levers lasted, where there are
                      several, or parts of the mind learn
run/diverged/         of a life that diverged: the mind before the step that did it, and its batch
run/run.json          the manifest, written last: the run is finished
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from upbringing.corpus import Corpus, Tokens, load_tokenizer, open_tokens, tokenize
from upbringing.destinations import check_continued
from upbringing.errors import ArtefactError, ResumeError, VerificationError
from upbringing.files import Manifest, open_manifest, read_json, write_json
from upbringing.identity import digest_json
from upbringing.order import Order, Rows
from upbringing.training.ledger import Ledger, first_divergence
from upbringing.training.recipe import Recipe, digestible

FORMAT = "run/4"

_SOURCES = {"corpus", "order"}


def check_place(place: Path) -> None:
    """Raise `InputError` unless `place` is new, empty or a run: where one can begin or go on."""
    check_continued(place, ("recipe.json", "run.json", "resume", "checkpoints", "log"), "run")


def begin(place: Path, recipe: Recipe, sources: Mapping[str, Path]) -> None:
    """Write the recipe of a new run, or check that the run there has the same one.

    Raises `ResumeError` that names every field in which they differ, and `InputError` for a folder
    of something else.
    """
    file = place / "recipe.json"
    ours = digestible(recipe.as_json())
    if file.exists():
        theirs = _written(file)["recipe"]
        differing = [name for key in ours for name in _differing(key, ours[key], theirs.get(key))]
        if differing:
            raise ResumeError(
                f"the run there has another {', '.join(differing)}",
                where=str(place),
                do="give the same settings, or another -o",
            )
        return
    check_place(place)
    place.mkdir(parents=True, exist_ok=True)
    # Relative, so that the whole tree can be moved.
    relative = {name: os.path.relpath(path, place) for name, path in sources.items()}
    write_json(file, {"digest": recipe.digest, "recipe": ours, "sources": relative})


def _differing(name: str, ours: Any, theirs: Any) -> list[str]:
    """The fields in which two values differ: `numerics.accumulation`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [f"{name}.{key}" for key in ours | theirs if ours.get(key) != theirs.get(key)]
    return [] if ours == theirs else [name]


def _written(file: Path) -> dict[str, dict[str, Any]]:
    """What `begin` wrote; raises `ArtefactError` where it was changed."""
    said = read_json(file)
    for name in ("recipe", "sources"):
        if not isinstance(said, dict) or not isinstance(said.get(name), dict):
            raise ArtefactError(f"lacks the field {name!r}", where=str(file), do="make it again")
    lacking = _SOURCES - said["sources"].keys()
    if lacking or digest_json(said["recipe"]) != said.get("digest"):
        raise ArtefactError("was changed after it was written", where=str(file), do="make it again")
    return {name: said[name] for name in ("recipe", "sources")}


@dataclass(frozen=True)
class Run:
    """A finished run."""

    path: Path
    recipe: Recipe
    manifest: Manifest

    @classmethod
    def open(cls, place: Path) -> Run:
        """Open and check a finished run; raises `ArtefactError` if it is damaged or under way."""
        manifest = open_manifest(place, FORMAT)
        for file in sorted(Path(place).glob("checkpoints/**/*")):
            if file.is_file() and file.relative_to(place).as_posix() not in manifest.files:
                raise ArtefactError("does not belong to the run", where=str(file), do="remove it")
        return cls(Path(place), Recipe.from_json(manifest.recipe), manifest)

    @property
    def digest(self) -> str:
        """The manifest's digest: recipe, ledger, weights and metrics."""
        return self.manifest.digest

    @property
    def diverged_at(self) -> int | None:
        """The step at which the loss or its gradient stopped being a number, or None."""
        step: int | None = self.manifest.facts["diverged_at"]
        return step

    @property
    def checkpoints(self) -> dict[float, Path]:
        """Checkpoint folders by age, rising."""
        folders = sorted((self.path / "checkpoints").glob("age_*"))
        return {float(folder.name.removeprefix("age_")): folder for folder in folders}

    @property
    def has_changes(self) -> bool:
        """Whether it was lived under several stretches of levers, or parts of the mind learnt."""
        return "changes.parquet" in self.manifest.files

    @property
    def changes(self) -> pl.DataFrame:
        """How far each weight moved in each stretch of levers (`changes.weight_changes`).

        Raises `ArtefactError` for a run without them: all of it was lived under the same levers.
        """
        if not self.has_changes:
            what = "all of this life was lived under the same levers: no changes are kept"
            raise ArtefactError(what, where=str(self.path))
        return pl.read_parquet(self.path / "changes.parquet", glob=False)

    @property
    def metrics(self) -> pl.DataFrame:
        """step, age, loss (nats a token), grad_norm, lr; a row a step."""
        return pl.read_parquet(self.path / "metrics.parquet", glob=False)

    @cached_property
    def sources(self) -> dict[str, Path]:
        """Where the corpus, order and tokens lie that it was raised on."""
        file = self.path / "recipe.json"
        said = _written(file)
        if said["recipe"] != self.manifest.recipe:
            raise ArtefactError("is the recipe of another run", where=str(file))
        return {name: (self.path / str(lies)).resolve() for name, lies in said["sources"].items()}

    def rows(self) -> Rows:
        """The rows it was to consume, from its sources; they are checked."""
        corpus = Corpus.open(self.sources["corpus"])
        order = Order.open(self.sources["order"], corpus)
        tokens = self.tokens(corpus)
        if (order.digest, tokens.digest) != (self.recipe.order, self.recipe.tokenizer):
            raise ArtefactError("was raised on another order or tokenizer", where=str(self.path))
        recipe = self.recipe
        return Rows(order, tokens, recipe.row_length, recipe.packing, recipe.attention)

    def tokens(self, corpus: Corpus) -> Tokens:
        """Its corpus in its tokens."""
        for checkpoint in self.checkpoints.values():
            return tokenize(corpus, load_tokenizer(checkpoint))
        # The life ended before its first checkpoint; its corpus was in its tokens then.
        return open_tokens(corpus, self.recipe.tokenizer)

    def verify(self) -> str:
        """Check that what was consumed is the order, row by row; gives the ledger's digest.

        Raises `VerificationError` with the first divergence: step, row, expected and found scene.
        """
        ledger = Ledger.open(self.path / "ledger.parquet")
        steps = self.recipe.steps.until(self.diverged_at)
        divergence = first_divergence(ledger, self.rows(), steps)
        if divergence:
            raise VerificationError(str(divergence), where=str(self.path))
        return ledger.digest
