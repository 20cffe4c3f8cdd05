"""Preparation of an imprint: settings + corpus → its orders and lives, proved and hashed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from upbringing.corpus import Corpus, Tokens
from upbringing.destinations import check_continued
from upbringing.errors import InputError
from upbringing.files import remove_drafts, storage
from upbringing.order import Curriculum, Order, Phase, Rows, Selection, compile_order
from upbringing.order.curriculum import Event
from upbringing.study.comparison import check_comparison_class
from upbringing.study.fixed import fix
from upbringing.study.imprint import FORMAT, ImprintDesign, ImprintLife, ImprintSettings, Met
from upbringing.study.lives import language_of, stream, tokens_of
from upbringing.study.packets import Packet, deal_packets, filler_of
from upbringing.training import Imprint, Numerics, Recipe, best_device, shape_named
from upbringing.training.recipe import digestible

_HALVES = ("a", "b")
_MOST_OF_A_SLOT = 0.5  # that a packet may fill, so that ages stay apart


def prepare_imprint(settings: ImprintSettings, corpus: Corpus, place: Path) -> ImprintDesign:
    """Design it at `place`, or find it there.

    Raises `InputError` for too little text, too few packets, packets so long that their ages run
    into each other, a weight decay beyond what the prediction holds for, and a `place` with
    something else; `ResumeError` if another imprint lies there.
    """
    check_continued(place, ("imprint.json", "orders"), "imprint")
    lang = language_of(settings, corpus)
    packets = deal_packets(corpus, lang, 2 * settings.num_ages, settings.scenes_a_packet)
    tokens = tokens_of(settings, corpus, lang)
    draft = _Draft(settings, corpus, tokens, lang, packets)
    orders, lives = draft.whole()
    design = {
        "settings": asdict(settings),
        "lang": lang,
        "packets": [asdict(packet) for packet in packets],
        "lives": [asdict(life) | {"recipe": life.recipe.as_json()} for life in lives],
        "digests": {"corpus": corpus.digest, "tokenizer": tokens.digest},
    }

    def write_orders() -> None:
        with storage(place):
            place.mkdir(parents=True, exist_ok=True)
        remove_drafts(place)
        shutil.rmtree(place / "orders", ignore_errors=True)  # of a preparation that was cut short
        for name, order in orders.items():
            order.save(place / "orders" / name)

    fix(place / "imprint.json", FORMAT, digestible(design), corpus, write_orders)
    return ImprintDesign.open(place)


@dataclass(frozen=True)
class _Draft:
    """An imprint in the making."""

    settings: ImprintSettings
    corpus: Corpus
    tokens: Tokens
    lang: str
    packets: tuple[Packet, ...]

    def whole(self) -> tuple[dict[str, Order], list[ImprintLife]]:
        """The orders by name, and the runs; each square is proved to be one comparison class."""
        orders: dict[str, Order] = {}
        lives: list[ImprintLife] = []
        for seed in range(self.settings.num_seeds):
            for half in _HALVES:
                square = list(self._square(seed, half))
                for schedule in self.settings.curves:
                    compared = {
                        name: (rows, self._recipe(rows, schedule, seed)) for name, rows, _ in square
                    }
                    check_comparison_class(compared)
                    lives += [
                        ImprintLife(
                            f"{schedule}-{name}", schedule, seed, name, met, compared[name][1]
                        )
                        for name, _, met in square
                    ]
                orders |= {name: rows.order for name, rows, _ in square}
        return orders, lives

    def _square(self, seed: int, half: str) -> Iterator[tuple[str, Rows, dict[str, Met]]]:
        """The lives of one Latin square: their order's name, its rows, when each packet is met."""
        number = _HALVES.index(half)
        size = self.settings.num_ages
        packets = self.packets[number * size : (number + 1) * size]
        for life in range(size):
            slots = {packet.name: (p + life) % size for p, packet in enumerate(packets)}
            order = compile_order(self.corpus, self._curriculum(packets, slots), seed=seed)
            rows = Rows(order, self.tokens, self.settings.row_length)
            yield f"s{seed}{half}{life}", rows, self._met(rows, packets, slots)

    def _curriculum(self, packets: tuple[Packet, ...], slots: dict[str, int]) -> Curriculum:
        """A shuffled life, the packets pinned to the middles of their slots."""
        met = Selection(id=tuple(scene for packet in packets for scene in packet.ids))
        return Curriculum(
            name="imprint",
            scenes=Selection(any_of=(self._filler, met)),
            phases=(Phase(name="life", scenes="rest"),),
            events=tuple(
                Event(
                    scenes=packet.selection,
                    ages=((slots[packet.name] + 0.5) / self.settings.num_ages,),
                )
                for packet in packets
            ),
        )

    @cached_property
    def _filler(self) -> Selection:
        """What every life reads beside packets: what is left of `tokens`, dealt by a keyed hash."""
        filler = filler_of(self.corpus, self.lang, self.packets)
        if self.settings.tokens is None:
            return filler
        lengths = np.diff(self.tokens.offsets)
        there = int(lengths[compile_order(self.corpus, stream("filler", filler)).sequence].sum())
        ids = self.corpus.columns(["id"])["id"]
        dealt = [scene for packet in self.packets for scene in packet.ids]
        of_packets = int(lengths[ids.is_in(dealt).to_numpy()].sum()) // 2  # of one square
        wanted = self.settings.tokens - of_packets
        if not 0 < wanted <= there:
            raise InputError(
                f"a life of {self.settings.tokens:,} tokens, {of_packets:,} of them packets",
                where=str(self.corpus.path),
                allowed=f"{of_packets + 1:,} to {of_packets + there:,}",
            )
        return filler.model_copy(update={"part": (0.0, round(wanted / there, 6))})

    def _met(
        self, rows: Rows, packets: tuple[Packet, ...], slots: dict[str, int]
    ) -> dict[str, Met]:
        """At which ages each packet is really read."""
        ids = self.corpus.columns(["id"])["id"].gather(np.asarray(rows.order.sequence))
        at = {scene: visit for visit, scene in enumerate(ids)}
        met = {}
        for packet in packets:
            visits = [at[scene] for scene in packet.ids]
            begin, end = rows.starts[[min(visits), max(visits) + 1]] / rows.num_tokens
            if end - begin > _MOST_OF_A_SLOT / self.settings.num_ages:
                raise InputError(
                    f"packet {packet.name!r} takes {end - begin:.1%} of a life of "
                    f"{rows.num_tokens:,} tokens, and the ages lie {1 / self.settings.num_ages:.1%}"
                    " apart",
                    allowed="at most half of what lies between two ages",
                    do="take fewer --ages, more --tokens or smaller packets",
                )
            met[packet.name] = Met(slots[packet.name], float(begin), float(end))
        return met

    def _recipe(self, rows: Rows, schedule: str, seed: int) -> Recipe:
        """The same for all lives of a schedule and seed, but for the order.

        Raises `InputError` for lives that have no predicted imprint.
        """
        asked = self.settings
        recipe = Recipe.of(
            rows,
            shape_named(asked.shape),
            seed=seed,
            schedule=asked.curves[schedule],
            batch_size=asked.batch_size,
            numerics=Numerics(device=best_device()),
            peak_lr=asked.peak_lr,
            ages=(1.0,),
        )
        if asked.weight_decay is not None:
            recipe = replace(recipe, weight_decay=asked.weight_decay)
        Imprint.of(recipe.steps, recipe.weight_decay)
        return recipe
