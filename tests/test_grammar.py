"""Random curricula from the whole grammar, right and wrong; `benchmarks/grammar.py` runs more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from curricula import tell_scenes
from oracle import Oracle, random_text
from pydantic import ValidationError

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import SettingsError
from upbringing.order import Curriculum, Phase, Selection, compile_order, parse_curriculum
from upbringing.order.compile import lay
from upbringing.order.places import known_arrangements

# Others than those of the benchmark, which begin with 0.
FIRST, NUM_TEXTS, NUM_AT_ONCE = 1_000_000, 1_500, 100


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place = tmp_path_factory.mktemp("told") / "corpus"
    return write_corpus(place, tell_scenes(), recipe={"made": "by a test"}, inputs={})


@pytest.fixture(scope="module")
def oracle(told: Corpus) -> Oracle:
    return Oracle.of(told)


@pytest.mark.parametrize("first", range(FIRST, FIRST + NUM_TEXTS, NUM_AT_ONCE))
def test_random_texts_compile_or_fail_at_their_place(oracle: Oracle, first: int) -> None:
    found: Counter[str] = Counter()
    for number in range(first, first + NUM_AT_ONCE):
        found += oracle.judge(random_text(number, oracle.scenes))
    assert found["compiled"] > NUM_AT_ONCE / 5
    assert found["refused"] > NUM_AT_ONCE / 5


def test_the_grammar_is_written_whole(oracle: Oracle) -> None:
    """Every arrangement, and every key of a file, stands in some of the texts."""
    texts = "".join(random_text(number, oracle.scenes) for number in range(0, 1_000, 2))
    keys = {*Curriculum.model_fields, *Phase.model_fields, *Selection.model_fields} - {"vectors"}
    assert [word for word in (*known_arrangements(), *sorted(keys)) if word not in texts] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 3_000, "c.yaml:1:52: is not YAML: maps and lists are nested more than 50 deep"),
        ("a: &a [*a]\n", "1:4: is not YAML: maps and lists are nested more than 50 deep"),
        ("a: {? {b: c}: d}\n", "1:7: is not YAML: a key is one plain value"),
        ("name: x\nseed: 2001-13-45\n", "2:7: is not YAML: month must be in 1..12"),
        ("name: x\nseed: !!set {a}\n", "2:7: is not YAML: the tag"),
        ("name: x\n phases: 3\n", "c.yaml:2:8: is not YAML"),
        ("%YAML 1.1\n---\nname: no\n", "c.yaml:1:1: is not YAML: of the lines that begin with %"),
        ("%YAML 1.2\n---\nname: no\n", "c.yaml:3:1: 'phases' is missing"),
    ],
)
def test_yaml_that_settings_have_no_use_for(text: str, says: str) -> None:
    (problem,) = problems_of(text)
    assert says in problem


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("scenes: rest, passes: 1000000000", "3:29: phases.0.passes: should be less than or equal"),
        ("scenes: rest, passes: 1e9", "phases.0.passes: should be less than or equal to 1000"),
        ("scenes: rest, passes: 2.5", "3:29: phases.0.passes: should be a whole number"),
        ("passes: 100, phases: [{name: b, scenes: rest, passes: 100}]", "are met 10,000 times"),
        ("scenes: rest, lr_scale: .inf", "3:29: phases.0.lr_scale: should be a finite number"),
        ("scenes: {measures: {date: [.nan, 1]}}", "should be a finite number"),
        ("scenes: rest, rehearse: {share: 0.9999}", "should be less than or equal to 0.99"),
        ("scenes: rest, arrange: {spiral: {by: num_words, turns: 1e30}}", "maximum size"),
        ("scenes: rest, arrange: {cyclic: {by: num_words, sweeps: 100000000}}", "less than or equ"),
        ("scenes: rest, arrange: {mixture: {kinds: {chat: [1, .nan]}}}", "are finite numbers"),
        ("scenes: rest, arrange: {mixture: {kinds: {chat: {0: {}, 1: 1}}}}", "are finite numbers"),
        ("scenes: rest, arrange: {mixture: {kinds: {chat: 1.0e+300}}}", "between 1e-09 and 1e+09"),
        ("scenes: rest, arrange: {mixture: {kinds: {chat: {from: 1, to: 2, x: 3}}}}", "a density"),
        ("scenes: rest, arrange: {mixture: {kinds: {chat: {ages: 1, values: 2}}}}", "are finite"),
        ("scenes: rest, arrange: {chain: {strat: a}}", "did you mean 'start'?"),
        ("scenes: rest, arrange: {sort: {bye: num_words}}", "sort has no parameter bye"),
        ("scenes: rest, arrange: {reverse: {srot: num_words}}", "did you mean 'sort'?"),
    ],
)
def test_settings_that_would_take_all_memory_or_break_later(keys: str, says: str) -> None:
    (problem,) = problems_of(f"name: x\nphases:\n  - {{name: a, {keys}}}\n")
    assert says in problem


def test_aliases_that_unfold_without_end_are_refused() -> None:
    piles = "".join(
        f"  - &{name} [{', '.join(f'*{before}' for _ in range(9))}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (problem,) = problems_of(f"x:\n  - &a [1]\n{piles}")
    assert "is not YAML: aliases stand for more than 10,000 values" in problem


def test_a_mistake_in_a_merged_map_is_shown_where_it_comes_in() -> None:
    text = "name: x\nphases:\n  - &a {name: a, scenes: rest, passes: 0}\n  - {<<: *a, name: b}\n"
    places = [problem.split(" ")[:2] for problem in problems_of(text)]
    assert places == [
        ["c.yaml:3:32:", "phases.0.passes:"],
        ["c.yaml:4:5:", "phases.1.scenes:"],
        ["c.yaml:4:5:", "phases.1.passes:"],
    ]


def test_a_kind_that_blocks_list_twice_is_shown(told: Corpus) -> None:
    arrange = "{blocks: [chat, drama, chat, poetry, technical]}"
    text = f"name: x\nphases:\n  - {{name: a, scenes: rest, arrange: {arrange}}}\n"
    with pytest.raises(SettingsError, match=r"c\.yaml:3:29: `blocks` lists 'chat' twice"):
        compile_order(told, parse_curriculum(text, name="c.yaml"))


@pytest.mark.parametrize("key", ["any_of", "none_of"])
def test_a_list_of_one_selection_is_written_as_a_list(key: str) -> None:
    curriculum = Curriculum(
        name="x", phases=(Phase(name="a", scenes=Selection(**{key: [{"kind": "chat"}]})),)
    )
    assert parse_curriculum(curriculum.to_yaml()).model_dump() == curriculum.model_dump()


def problems_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_curriculum(text, name="c.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("phases", "says"),
    [
        ([Phase(name="a")], r"phases\.0\n +a phase needs `scenes`, or `phases` of its own"),
        (
            [Phase(name="a", scenes="rest"), Phase(name="a", scenes=Selection(kind="chat"))],
            r"phases\.1\.name\n +two phases are called 'a'",
        ),
        (
            [Phase(name="a", scenes="rest"), Phase(name="b", scenes="rest")],
            r"phases\.1\.scenes\n +`scenes: rest` can stand in one phase only",
        ),
        (
            [Phase(name="a", scenes="rest", phases=[{"name": "b", "scenes": "rest"}])],
            r"phases\.0\.scenes\n +a phase with `phases` of its own takes no `scenes`",
        ),
        (
            [Phase(name="a", scenes="rest", join="interleave")],
            r"phases\.0\.join\n +`join` is for a phase with `phases` of its own",
        ),
    ],
)
def test_what_is_made_in_python_fails_as_clearly(phases: list[Phase], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Curriculum(name="x", phases=phases)


def test_what_python_asks_and_the_corpus_lacks_is_shown_by_its_path(told: Corpus) -> None:
    phases = [Phase(name="a", scenes=Selection(kind="dramma")), Phase(name="b", scenes="rest")]
    with pytest.raises(SettingsError, match=r"^phases\.0\.scenes\.kind: no scene has the kind"):
        compile_order(told, Curriculum(name="x", phases=phases))


ARRANGED = {
    "arc": "{arc: num_words}",
    "blocks": "{blocks: {kinds: [chat, drama, poetry, technical], inside: {sort: -num_bytes}}}",
    "chain": "{chain: {separate: 2, alike: 0.99}}",
    "cyclic": "{cyclic: {by: num_words, sweeps: 3, levels: 2, jitter: 0.5}}",
    "interleave": "{interleave: document}",
    "mixture": "{mixture: {chat: 1, drama: [1, 0], poetry: {0: 1, 0.5: 0, 1: 2}, technical: 3}}",
    "pacing": "{pacing: {by: unigram_surprisal, how: root}}",
    "reverse": "{reverse: {sort: [num_words, -compression_ratio]}}",
    "shuffle": "shuffle",
    "sort": "{sort: [num_words, num_bytes]}",
    "spiral": "{spiral: {by: num_bytes, turns: 1000}}",
    "warm_up": "{warm_up: {by: compression_ratio, inside: interleave}}",
}


def test_all_arrangements_are_here_that_do_not_follow_the_rows() -> None:
    assert sorted([*ARRANGED, "as_is"]) == known_arrangements()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ARRANGED)
def test_the_order_of_the_rows_decides_nothing(oracle: Oracle, name: str, seed: int) -> None:
    text = f"name: x\nphases: [{{name: a, scenes: rest, arrange: {ARRANGED[name]}, passes: 2}}]\n"
    curriculum = parse_curriculum(text)
    mixed = np.random.default_rng(seed).permutation(len(oracle.scenes))
    vectors = type(oracle.vectors)(oracle.vectors.values[mixed], oracle.vectors.digest, None)
    ids = oracle.scenes["id"].to_list()
    straight, _ = lay(oracle.scenes, curriculum, seed, oracle.vectors)
    shuffled, _ = lay(oracle.scenes[mixed], curriculum, seed, vectors)
    assert [ids[row] for row in mixed[shuffled]] == [ids[row] for row in straight]


DIGESTS = """
import sys
from upbringing.corpus import Corpus
from upbringing.order import compile_order, parse_curriculum
corpus = Corpus.open(sys.argv[1])
for text in sys.argv[2:]:
    print(compile_order(corpus, parse_curriculum(text)).digest)
"""


def test_threads_change_no_arrangement(told: Corpus) -> None:
    texts = [
        f"name: x\nphases: [{{name: a, scenes: rest, arrange: {arrange}}}]\n"
        for arrange in ("as_is", *ARRANGED.values())
    ]
    said = []
    for threads in ("1", "2", "4"):
        names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads)
        command = [sys.executable, "-c", DIGESTS, str(told.path), *texts]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        said.append(done.stdout.split())
    assert len(set(said[0])) == len(texts)
    assert said[1:] == said[:1] * 2
