"""The built-in world: how fast it is made, what its text is like, and how minds learn it.

    python benchmarks/world.py speed                    a million scenes, beside tokenising them
    python benchmarks/world.py figures                  every promised figure, English and Russian
    python benchmarks/world.py figures FOLDER_OR_FILE…  the same figures for real .jsonl texts
    python benchmarks/world.py sheet --langs en         20 events, each in every voice, to be read
    python benchmarks/world.py minds                    bits a byte of minds raised on English

`figures` ends with the bounds and which of them hold. Real texts need the fields text and kind;
they are cut to the world's scene length, and what only the world has (openings, probes) is skipped.
`minds` raises the 300k shape on one shuffle, on one core: lives of 300k, 1M and 2M tokens with a
linear schedule each, asked about scenes read, scenes held out and parallels.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

import numpy as np
import polars as pl
from tokenizers import Tokenizer

from upbringing.corpus.overlap import overlaps
from upbringing.corpus.tokens import train_tokenizer
from upbringing.corpus.world import figures as f
from upbringing.corpus.world import (
    languages,
    make_world,
    world_packets,
    world_parallels,
    world_scenes,
)
from upbringing.corpus.world.grammar import grammar

NUM_VOCAB = 1000
NUM_BYTES_A_REAL_SCENE = 420
LIVES = (300_000, 1_000_000, 2_000_000)  # tokens
NUM_ASKED = 2_000  # scenes, or tellings
TWINS = ("philosophy", "invalid")


def speed(num_events: int) -> None:
    holds = True
    for lang in languages():
        world_scenes(lang, 10, 0)  # reads the grammar
        start = time.perf_counter()
        texts = world_scenes(lang, num_events, 0).scenes["text"].to_list()
        made = time.perf_counter() - start
        some = texts[:25_000]
        tokenizer = train_tokenizer(some[:3000], NUM_VOCAB)
        read = _seconds(tokenizer.encode_batch, some) / len(some) * num_events
        print(
            f"{lang}  {num_events:,} scenes in {made:.1f} s ({num_events / made:,.0f} a second),"
            f" tokenised in {read:.1f} s: ratio {read / made:.1f}"
        )
        holds &= made * 1e6 / num_events < 60
    print(f"1 M scenes in under 60 s on one core: {'holds' if holds else 'falls short'}")


def _seconds(function, *arguments) -> float:
    """The fastest of three runs."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def sheet(lang: str) -> None:
    """20 events in every voice, as Markdown: what a reader goes through critically."""
    told = world_packets(lang, 20, seed=1).scenes
    print(f"# Twenty events in every voice: {lang}\n")
    print(
        f"Made by `python benchmarks/world.py sheet --langs {lang}`. An event is told in the voices"
    )
    print("as training text would tell it, opening and a fact beside the event included.")
    for number, event in enumerate(told.partition_by("document", maintain_order=True), start=1):
        print(f"\n## {number}. {event['work'][0]}\n")
        for kind, text in event.select("kind", "text").iter_rows():
            print(f"**{kind}**  {text.replace(chr(10), '  ' + chr(10))}\n")


def world_figures(langs: list[str]) -> None:
    for lang in langs:
        told = world_scenes(lang, 25_000, 0).scenes
        probes = world_parallels(lang, 500, 0)
        train = told.filter(split="train")
        texts, asked = train["text"].to_list(), probes["text"].to_list()
        held_out = told.filter(split="held_out")["text"].to_list()
        tokenizer = train_tokenizer(texts[:10_000], NUM_VOCAB)
        print(f"\n== {lang}: 25,000 events, 500 parallel events, seed 0")
        bounds = text_figures(train, tokenizer)
        shares = f.distinct_share(texts)
        found = overlaps(texts, asked).counts
        shared = found["any"]
        _line("probes that overlap training text", f"{shared} of {len(asked)}: {found}")
        for who, its in (("probe", asked), ("held-out scene", held_out)):
            _line(f"closest {who}: 3-grams in one text", f.closest_share(texts[:5000], its[:800]))
        _line("held-out scenes also read", copies := len(set(held_out) & set(texts)))
        _line("longest run of fixed words", fixed := f.longest_fixed_run(grammar(lang)))
        # Philosophy and invalid reasoning are told in the same words: not a style.
        is_style = pl.col("kind") != "invalid"
        known = train.filter(is_style)[:12_000]
        voices = []
        for what, frame in (("held-out scenes", told.filter(split="held_out")), ("probes", probes)):
            apart = [f.separability(known, frame.filter(is_style), n) for n in (0, 50)]
            _line(f"AUC on {what}, all features", apart[0])
            _line(f"AUC on {what}, without the 50 best of each voice", apart[1])
            voices += apart
        twins = [frame.filter(pl.col("kind").is_in(TWINS)) for frame in (train, probes)]
        _line("AUC of philosophy against invalid on probes", f.separability(*twins))
        first = train.with_columns(text=pl.col("text").str.extract(r"^([^.]*\.)"))
        openings = f.separability(first[:12_000], first[12_000:])
        _line("AUC of openings alone (0.5: no trace of voice)", openings)
        bounds |= {
            "probes that repeat training text, and are left out, < 2%": shared < 0.02 * len(asked),
            "no copies": copies == 0,
            "distinct 8-grams ≥ .8 at 25,000": shares >= 0.8,
            "fixed runs ≤ 6": fixed <= 6,
            "AUC on held-out scenes ≥ .9 with and without": min(voices[:2]) >= 0.9,
            "openings ±.02 of .5": abs(openings - 0.5) <= 0.02,
        }
        for bound, held in bounds.items():
            print(f"   {'holds      ' if held else 'falls short'}  {bound}")


def text_figures(scenes: pl.DataFrame, tokenizer: Tokenizer) -> dict[str, bool]:
    """Print what any corpus has; gives the bounds that the world promises."""
    lengths = f.mean_bytes(scenes)
    mean = sum(lengths.values()) / len(lengths)
    mass = f.shared_mass(scenes, tokenizer)
    markers = f.marker_words(scenes)
    bits = reference_bits(scenes, tokenizer)
    middle = sum(bits.values()) / len(bits)
    texts = scenes["text"].to_list()
    packed = len(zlib.compress("\n".join(texts).encode(), 9))
    encoded = tokenizer.encode_batch(texts)
    words = Counter(word for text in texts for word in f.words_of(text))
    _line("scenes", len(texts))
    _line("words, tokens a scene", f"{words.total() / len(texts):.0f}, {_mean_len(encoded):.0f}")
    _line("word forms, those in 20 or more places", f"{len(words)}, {_frequent(words)}")
    _line("distinct 8-grams", f.distinct_share(texts))
    _line("size after zlib", packed / sum(len(text.encode()) for text in texts))
    print(f"   {'kind':<12} {'bytes':>11} {'bits/byte':>12}  least tokens shared   marker words")
    for kind in lengths:
        others = {(set(pair) - {kind}).pop(): share for pair, share in mass.items() if kind in pair}
        other = min(others, key=others.__getitem__)
        print(
            f"   {kind:<12} {lengths[kind]:>5.0f} {lengths[kind] / mean - 1:>+5.0%}"
            f" {bits[kind]:>6.2f} {bits[kind] / middle - 1:>+5.0%}"
            f"  {others[other]:.2f} {other:<15} {', '.join(markers[kind]) or 'none'}"
        )
    below = [f"{a}–{b} {share:.2f}" for (a, b), share in mass.items() if share < 0.6]
    _line("pairs of kinds, those that share less than .6", f"{len(mass)}, {len(below)}")
    print(f"      {', '.join(below) or 'none'}")
    return {
        "bytes ±10%": all(abs(length / mean - 1) <= 0.1 for length in lengths.values()),
        "tokens shared ≥ .6": not below,
        "bits/byte ±15%": all(abs(value / middle - 1) <= 0.15 for value in bits.values()),
        "no marker words": not any(markers.values()),
    }


def reference_bits(scenes: pl.DataFrame, tokenizer: Tokenizer) -> dict[str, float]:
    """Bits per byte by kind under one model: trigrams of tokens, interpolated (Witten and Bell).

    Fitted on four fifths of the scenes, of all kinds together, and asked about the last fifth.
    """
    shuffled = scenes.sample(fraction=1, shuffle=True, seed=0)
    cut = len(shuffled) * 4 // 5
    nodes: dict[tuple[int, ...], Counter[int]] = {}
    for encoding in tokenizer.encode_batch(shuffled[:cut]["text"].to_list()):
        ids = [0, 0, *encoding.ids]
        for place in range(2, len(ids)):
            for order in range(3):
                nodes.setdefault(tuple(ids[place - order : place]), Counter())[ids[place]] += 1
    totals = {context: counts.total() for context, counts in nodes.items()}

    def chance(token: int, context: tuple[int, ...]) -> float:
        lower = chance(token, context[1:]) if context else 1 / tokenizer.get_vocab_size()
        if context not in nodes:
            return lower
        counts, total = nodes[context], totals[context]
        return (counts[token] + len(counts) * lower) / (total + len(counts))

    bits: Counter[str] = Counter()
    num_bytes: Counter[str] = Counter()
    for kind, text in shuffled[cut:].select("kind", "text").iter_rows():
        ids = [0, 0, *tokenizer.encode(text).ids]
        bits[kind] -= sum(
            math.log2(chance(ids[place], tuple(ids[place - 2 : place])))
            for place in range(2, len(ids))
        )
        num_bytes[kind] += len(text.encode())
    return {kind: bits[kind] / num_bytes[kind] for kind in sorted(bits)}


def minds(lang: str) -> None:
    from upbringing import training as t

    t.settle_process(1)
    needed = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        rows = shuffled_rows(place, lang)
        corpus = rows.order.corpus
        for num_tokens in LIVES:
            recipe = t.Recipe.of(
                rows, t.shape_named("300k"), seed=0, schedule="linear", numerics=t.Numerics(),
                batch_size=4, num_rows=num_tokens // rows.row_length, ages=(1.0,),
            )  # fmt: skip
            sources = {"corpus": corpus.path, "order": place / "order"}
            run = t.train(rows, recipe, place / str(num_tokens), sources=sources)
            model = t.read_checkpoint(run.checkpoints[1.0])
            _, num_read = rows.visits_between(0, recipe.num_rows * rows.row_length)
            asked = {
                "read": corpus.scenes["text"].gather(rows.order.sequence[: num_read - 1]),
                "held out": corpus.scenes.filter(split="held_out")["text"],
                "parallels": corpus.parallels["text"],
            }
            print(
                f"{lang}: bits/byte after {num_tokens:,} tokens, {num_read:,} scenes (± one s.e.)"
            )
            for what, texts in asked.items():
                needed[num_tokens, what], error = bits_a_byte(model, rows.tokens, texts)
                print(f"   {what:<12} {needed[num_tokens, what]:.3f} ± {error:.3f}", flush=True)
    gap = needed[LIVES[0], "held out"] - needed[LIVES[0], "read"]
    fall = needed[LIVES[1], "held out"] - needed[LIVES[2], "held out"]
    verdict = "holds" if gap < 0.02 and fall >= 0.03 else "falls short"
    print(
        f"gap of held out at 0.3M {gap:.3f} < .02, fall from 1M to 2M {fall:.3f} ≥ .03: {verdict}"
    )


def shuffled_rows(place: Path, lang: str):
    """A shuffle of the world, in rows of 128 tokens of a vocabulary of 2,048."""
    from upbringing.corpus import tokenize
    from upbringing.order import Curriculum, Phase, Rows, compile_order

    corpus = make_world(place / "corpus", langs=[lang], num_events=25_000, num_probes=500, seed=0)
    texts = corpus.scenes.filter(split="train")["text"].to_list()
    phases = (Phase(name="life", scenes="rest"),)
    order = compile_order(corpus, Curriculum(name="shuffle", phases=phases), seed=0)
    order.save(place / "order")
    return Rows(order, tokenize(corpus, train_tokenizer(texts, 2048)), row_length=128)


def bits_a_byte(model, tokens, texts: pl.Series) -> tuple[float, float]:
    """Bits a byte of at most `NUM_ASKED` of the texts, evenly spaced, and its standard error."""
    from upbringing.character.likelihood import bits, passage

    asked = texts.gather(np.linspace(0, len(texts) - 1, min(len(texts), NUM_ASKED)).astype(int))
    needed = bits(model, [passage(tokens.tokenizer, text) for text in asked])
    num_bytes = asked.str.len_bytes().to_numpy()
    mean = needed.sum() / num_bytes.sum()
    return mean, np.std(needed - mean * num_bytes) / num_bytes.mean() / np.sqrt(len(asked))


def real_scenes(paths: list[Path]) -> pl.DataFrame:
    """Texts of .jsonl files, cut at spaces to about the length of the world's scenes."""
    files = [file for path in paths for file in (sorted(path.glob("*.jsonl")) or [path])]
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return pl.DataFrame(
        [(row["kind"], row.get("lang", ""), text) for row in rows for text in _pieces(row["text"])],
        schema=["kind", "lang", "text"],
        orient="row",
    )


def _pieces(text: str) -> list[str]:
    pieces, piece = [], ""
    for word in text.split(" "):
        piece = f"{piece} {word}" if piece else word
        if len(piece.encode()) >= NUM_BYTES_A_REAL_SCENE:
            pieces.append(piece)
            piece = ""
    return pieces


def real_figures(paths: list[Path]) -> None:
    for (lang,), scenes in real_scenes(paths).group_by("lang", maintain_order=True):
        sample = pl.concat(
            kind.sample(min(750, len(kind)), seed=0) for kind in scenes.partition_by("kind")
        )
        print(f"\n== {lang or 'no language'}: real texts, at most 750 pieces a kind")
        text_figures(sample, train_tokenizer(sample["text"].to_list(), NUM_VOCAB))


def _line(name: str, value: object) -> None:
    print(f"   {name:<52} {value:.3f}" if isinstance(value, float) else f"   {name:<52} {value}")


def _rounded(values: dict) -> str:
    names = {key: " / ".join(key) if isinstance(key, tuple) else key for key in values}
    return "  ".join(f"{names[key]} {value:.3g}" for key, value in values.items())


def _mean_len(encoded: list) -> float:
    return sum(len(encoding.ids) for encoding in encoded) / len(encoded)


def _frequent(words: Counter[str]) -> int:
    return sum(number >= 20 for number in words.values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "figures", "sheet", "minds"])
    parser.add_argument("paths", nargs="*", type=Path, help="real texts, .jsonl, for comparison")
    parser.add_argument("--num-events", type=int, default=1_000_000, help="of speed")
    parser.add_argument("--langs", nargs="*", default=list(languages()), help="of figures, minds")
    arguments = parser.parse_args()
    if arguments.what == "speed":
        speed(arguments.num_events)
    elif arguments.what == "sheet":
        for lang in arguments.langs:
            sheet(lang)
    elif arguments.what == "minds":
        for lang in arguments.langs:
            minds(lang)
    elif arguments.paths:
        real_figures(arguments.paths)
    else:
        world_figures(arguments.langs)


if __name__ == "__main__":
    main()
