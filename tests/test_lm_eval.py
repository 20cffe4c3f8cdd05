"""lm-evaluation-harness: tasks that come to our tokens, results that come back as our figures.

What the library itself makes of both is in `peers/with_lm_eval.py`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from command import Command
from harnessing import VOICES, Home, home_at
from lives import TINY
from ruamel.yaml import YAML
from stories import pico_settings

from upbringing.character.asked import Asked
from upbringing.character.harness.results import read_results
from upbringing.character.harness.running import check_harness_tasks, harness_measure, metrics_of
from upbringing.character.harness.tasks import TAG, export_tasks
from upbringing.character.harness.wording import Window, Wording
from upbringing.character.likelihood import Passage, bits, passage
from upbringing.character.measures import Reading, measures, readings_of
from upbringing.corpus import Corpus, tokenize, train_tokenizer
from upbringing.corpus.world import make_world
from upbringing.errors import InputError
from upbringing.files import write_json
from upbringing.order import Order, Rows
from upbringing.study import Design, prepare
from upbringing.study.harnessed import harness_tables, import_results
from upbringing.training import Numerics, Recipe, Run, open_mind, train

AXIS, BEGIN = "drama–technical", "<|endoftext|>"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_at(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def mind(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return home.mind(tmp_path_factory.mktemp("runs") / "F-s0" / "checkpoints" / "age_1.0000")


@pytest.fixture(scope="module")
def tasks(home: Home, mind: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tasks") / "tasks"
    export_tasks(mind, 256, home.probes(), place)
    return place


def said_in(tasks: Path) -> dict[str, dict[str, Any]]:
    return {file.stem: YAML(typ="safe").load(file) for file in sorted(tasks.glob("*.yaml"))}


def items_of(tasks: Path, name: str) -> list[dict[str, Any]]:
    lines = (tasks / "data" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


# Tasks


def test_tasks_say_what_they_are_and_need_no_network(tasks: Path) -> None:
    said = said_in(tasks)
    assert [*said] == [
        "upbringing_bits_drama", "upbringing_bits_technical", "upbringing_knowledge_facts",
        "upbringing_rolling_drama", "upbringing_rolling_technical",
        "upbringing_style_drama-technical",
    ]  # fmt: skip
    for name, task in said.items():
        assert task["task"] == name
        assert (task["tag"], task["dataset_path"], task["num_fewshot"]) == (TAG, "json", 0)
        data = Path(task["dataset_kwargs"]["data_files"]["test"])
        assert not data.is_absolute()
        assert (tasks / data).is_file()
        assert task["target_delimiter"] == ""
    readme = (tasks / "README.md").read_text("utf-8")
    for setting in ("dtype=float32", "max_length=256", "prefix_token_id=0", "add_bos_token=False"):
        assert setting in readme


def test_an_item_is_what_the_mind_is_asked(tasks: Path, home: Home) -> None:
    pairs = home.probes().pairs[AXIS]
    items = items_of(tasks, "upbringing_style_drama-technical")
    sides = ["positive", "negative", "positive_alone", "negative_alone"]
    told: dict[tuple[int, str], str] = {}
    for row in items:
        key = row["item"], row["side"]
        told[key] = told.get(key, row["given"]) + row["text"]
    assert [*told] == [(number, side) for number in range(12) for side in sides]
    for (number, side), text in told.items():
        asked = getattr(pairs[number], side)
        assert passage(home.tokens.tokenizer, text.removeprefix(BEGIN)).ids == asked.ids
    facts = items_of(tasks, "upbringing_knowledge_facts")
    for question, item in zip(home.probes().questions, facts, strict=True):
        assert item["given"].startswith(BEGIN)
        assert len(item["options"]) == len(question.options)
        assert item["answer"] == question.answer
        assert (item["relation"], item["is_told"]) == (question.relation, question.is_told)


def test_a_long_text_is_given_in_the_windows_in_which_it_is_read(home: Home, mind: Path) -> None:
    one = passage(home.tokens.tokenizer, " and he was silent." * 4, "The door opened")
    assert 16 < len(one.ids) < 40
    whole = Wording(mind, 64).windows(one)
    assert whole == [Window(f"{BEGIN}The door opened", " and he was silent." * 4)]
    cut = Wording(mind, 16).windows(one)
    assert cut is not None
    assert len(cut) > 1
    for window in cut[1:]:  # after one token, the last of the window before
        assert len(home.tokens.tokenizer.encode(window.given, add_special_tokens=False).ids) == 1
    assert cut[0].text.endswith(cut[1].given)
    assert "".join(window.text for window in cut) == " and he was silent." * 4


def test_what_comes_to_other_tokens_is_left_out(home: Home, mind: Path) -> None:
    tokenizer = home.tokens.tokenizer
    wording = Wording(mind, 256)

    def fits(text: str, given: str = "The door opened") -> bool:
        return wording.windows(passage(tokenizer, text, given)) is not None

    assert fits(" and he was silent.")
    assert fits(", and he was silent.")
    assert fits("Nothing. " * 40, given="")
    assert not fits("e door", given="th")  # as one text it is `the`
    assert not fits(" and so", given="The door opened ")  # spaces go over
    assert not fits(" said <|endoftext|> aloud")  # there it is a token, here it is text
    assert not fits("")
    texts = [passage(tokenizer, " a", "One"), passage(tokenizer, " b", "Two")]
    assert wording.choice(texts) is None  # behind two openings
    long = passage(tokenizer, " and he was silent." * 9, "One")
    assert Wording(mind, 16).choice([texts[0], long]) is None  # it fills more than a row
    assert wording.choice([texts[0], long]) is not None
    assert wording.text(passage(tokenizer, "He said <|endoftext|>.")) is None
    assert wording.text(passage(tokenizer, "Nothing. " * 200)) == "Nothing. " * 200


def test_left_out_items_are_counted_and_an_empty_task_is_not_written(
    home: Home, mind: Path, tmp_path: Path
) -> None:
    facts = export_tasks(mind, 32, home.probes(), tmp_path / "some").facts
    told = facts["upbringing_style_drama-technical"]
    kept = {row["item"] for row in items_of(tmp_path / "some", "upbringing_style_drama-technical")}
    assert told["num_items"] == len(kept) < 12
    assert told["num_items"] + told["num_left_out"] == 12
    readme = (tmp_path / "some" / "README.md").read_text("utf-8")
    assert f"| {told['num_items']} | {told['num_left_out']} |" in readme
    facts = export_tasks(mind, 6, home.probes(), tmp_path / "few").facts
    assert facts["upbringing_knowledge_facts"]["num_items"] == 0  # each fills more than a row
    assert facts["upbringing_bits_drama"]["num_items"] > 0
    assert "upbringing_knowledge_facts" not in said_in(tmp_path / "few")
    nothing = replace(home.probes(num_questions=0, num_pairs=0))
    vars(nothing)["held_out"] = {}
    with pytest.raises(InputError, match="nothing that this mind is asked"):
        export_tasks(mind, 256, nothing, tmp_path / "none")
    assert not (tmp_path / "none").exists()


# Results, in the files that the harness writes


def logged(tasks: Path, place: Path, checkpoint: Path, answer: Callable[..., float]) -> Path:
    """Results files as the harness writes them; `answer(given, text)` is a log-likelihood."""
    place.mkdir(parents=True)
    results: dict[str, Any] = {"results": {}, "configs": {}, "n-samples": {}}
    for name, said in said_in(tasks).items():
        items = items_of(tasks, name)
        results["results"][name] = {"alias": name, "sample_len": len(items)}
        results["configs"][name] = {"metadata": {**said["metadata"], "pretrained": "x"}}
        results["n-samples"][name] = {"original": len(items), "effective": len(items)}
        with (place / f"samples_{name}_2026-01-02T03.jsonl").open("w", encoding="utf-8") as file:
            for number, item in enumerate(items):
                texts = item.get("options", [item.get("text")])
                nats = [answer(item.get("given", ""), text) for text in texts]
                answers = [[[str(nat), "False"]] for nat in nats]
                if said["output_type"] == "loglikelihood_rolling":
                    answers = [[str(nats[0])]]
                row = {"doc_id": number, "doc": item, "resps": answers}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    results["results"]["arc_easy"] = {
        "alias": "arc_easy", "acc,none": 0.25, "acc_stderr,none": "N/A", "acc_norm,none": 0.5,
    }  # fmt: skip
    results["configs"]["arc_easy"] = {"metadata": {"version": 1.0}}
    results["config"] = {
        "model_args": {"pretrained": str(checkpoint), "dtype": "float32"},
        "model_dtype": "torch.float32",
    }
    write_json(place / "results_2026-01-02T03.json", results)
    return place


def flat(given: str, text: str, value: float = -1.0) -> float:
    """A mind to which all texts are alike."""
    return value


def flat_at(value: float) -> Callable[..., float]:
    return partial(flat, value=value)


def exact(home: Home, checkpoint: Path) -> Callable[[str, str], float]:
    """What the mind itself says, in nats."""
    mind, tokenizer = open_mind(checkpoint), home.tokens.tokenizer

    def answer(given: str, text: str) -> float:
        one = passage(tokenizer, text, given.removeprefix(BEGIN))
        if not given.startswith(BEGIN):  # a window after the first
            one = Passage(one.ids[1:], one.num_given - 1, one.num_bytes)
        return -float(bits(mind, [one])[0]) * float(np.log(2))

    return answer


def test_results_come_back_as_the_figures_of_the_measures(
    tasks: Path, home: Home, mind: Path, tmp_path: Path
) -> None:
    place = logged(tasks, tmp_path / "results", mind, exact(home, mind))
    (result,) = read_results([place])
    assert result.checkpoint == str(mind)
    assert result.notes == ()
    found = {(one.measure, one.subject): one for one in result.readings}
    wanted = [
        "bits_per_byte", "style_margin", "style_margin_sum", "style_margin_pmi",
        "knowledge_by_kind", "knowledge_margin",
    ]  # fmt: skip
    asked = Asked(open_mind(mind), home.probes())
    ours = list(readings_of(asked, [measures()[name] for name in wanted]))
    assert {one.measure for one in ours} == set(wanted)
    for one in ours:
        theirs = found.pop((one.measure, one.subject))
        assert theirs.unit == one.unit
        assert theirs.value == pytest.approx(one.value, abs=1e-5)
    assert [*found.values()] == [
        Reading("lm-eval:arc_easy", "acc", 0.25, "as lm-eval has it"),
        Reading("lm-eval:arc_easy", "acc_norm", 0.5, "as lm-eval has it"),
    ]


def changed(place: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    file = next(place.glob("results_*.json"))
    said = json.loads(file.read_text("utf-8"))
    change(said)
    write_json(file, said)
    return place


def ask_fewer(said: dict[str, Any]) -> None:
    said["n-samples"]["upbringing_bits_drama"]["effective"] = 1


def lose_the_configs(said: dict[str, Any]) -> None:
    del said["configs"]


def forget_the_mind(said: dict[str, Any]) -> None:
    said["config"]["model_args"] = {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ask_fewer, "upbringing_bits_drama was asked 1 of"),
        (lose_the_configs, "is no results file"),
        (forget_the_mind, "does not say which checkpoint"),
    ],
)
def test_results_that_cannot_be_used_are_refused(
    tasks: Path, mind: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    place = changed(logged(tasks, tmp_path / "r", mind, flat), change)
    with pytest.raises(InputError, match=message):
        read_results([place])


def test_results_without_logged_items_are_refused(tasks: Path, mind: Path, tmp_path: Path) -> None:
    place = logged(tasks, tmp_path / "r", mind, flat)
    next(place.glob("samples_upbringing_style_drama*")).unlink()
    with pytest.raises(InputError, match="with --log_samples"):
        read_results([place])
    with pytest.raises(InputError, match="holds no results"):
        read_results([tasks])


def without(key: str) -> Callable[[list[dict[str, Any]]], object]:
    return lambda rows: rows[3]["doc"].pop(key)


@pytest.mark.parametrize(
    ("task", "change"),
    [
        ("style_drama-technical", without("item")),
        ("style_drama-technical", without("side")),
        ("bits_drama", without("num_bytes")),
        ("knowledge_facts", without("relation")),
        ("bits_drama", lambda rows: rows.pop()),
        ("bits_drama", lambda rows: rows.clear()),
        ("bits_drama", lambda rows: rows[0].update(doc="a text of another task")),
    ],
)
def test_a_foreign_or_cut_log_is_refused(
    tasks: Path,
    mind: Path,
    tmp_path: Path,
    task: str,
    change: Callable[[list[dict[str, Any]]], object],
) -> None:
    place = logged(tasks, tmp_path / "r", mind, flat)
    file = next(place.glob(f"samples_upbringing_{task}*"))
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    change(rows)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(InputError, match=r"is no log of items|are not those of our tasks"):
        read_results([place])


def test_settings_under_which_figures_are_not_ours_are_noted(
    tasks: Path, mind: Path, tmp_path: Path
) -> None:
    place = logged(tasks, tmp_path / "r", mind, flat)
    changed(place, lambda said: said["config"].update(model_dtype="torch.bfloat16"))
    changed(place, lambda said: said.update(chat_template="{{ x }}"))
    (result,) = read_results([place])
    assert ["bfloat16" in result.notes[0], "chat template" in result.notes[1]] == [True, True]


# Import


def at(run: str, age: str = "1.0000") -> Path:
    """A checkpoint that was evaluated on another machine."""
    return Path("/elsewhere/study/runs") / run / "checkpoints" / f"age_{age}"


def test_runs_of_no_study_have_readings(tasks: Path, tmp_path: Path) -> None:
    for run, value in (("one", -1.0), ("two", -2.0)):
        logged(tasks, tmp_path / run, at(run, "0.5000"), flat_at(value))
    found = import_results([tmp_path / "one", tmp_path / "two"], tmp_path / "readings")
    assert found.contrasts == ()
    kept = pl.read_parquet(tmp_path / "readings" / "readings.parquet")
    assert kept.equals(found.readings)
    assert kept["run"].unique().sort().to_list() == ["one", "two"]
    assert kept["age"].unique().to_list() == [0.5]
    assert kept["arm"].null_count() == kept.height
    bits_of = kept.filter(measure="bits_per_byte", subject="drama")["value"].to_list()
    assert bits_of[1] == pytest.approx(2 * bits_of[0])


def test_runs_of_one_name_in_other_folders_are_other_minds(tasks: Path, tmp_path: Path) -> None:
    places = [Path(f"/elsewhere/{place}/run") for place in ("a", "b", "b/../c")]
    for number, place in enumerate([*places, Path("/elsewhere/a/other")]):
        logged(tasks, tmp_path / str(number), place / "checkpoints/age_0.5000", flat)
    sources = [tmp_path / str(number) for number in range(4)]
    found = import_results(sources, tmp_path / "readings").readings
    names = ["/elsewhere/a/run", "/elsewhere/b/run", "/elsewhere/c/run", "other"]
    assert found["run"].unique().sort().to_list() == names
    logged(tasks, tmp_path / "again", Path("/elsewhere/a/../a/run/checkpoints/age_0.5000"), flat)
    with pytest.raises(InputError, match="too, of the same mind"):
        import_results([*sources, tmp_path / "again"], tmp_path / "out")


def test_a_mind_twice_other_items_and_other_folders_are_refused(
    tasks: Path, home: Home, mind: Path, tmp_path: Path
) -> None:
    logged(tasks, tmp_path / "a", at("one"), flat)
    logged(tasks, tmp_path / "b", at("one"), flat)
    with pytest.raises(InputError, match="too, of the same mind"):
        import_results([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    export_tasks(mind, 256, home.probes(num_pairs=6), tmp_path / "fewer")
    logged(tmp_path / "fewer", tmp_path / "c", at("two"), flat)
    with pytest.raises(InputError, match="style_margin of drama–technical was asked with other"):
        import_results([tmp_path / "a", tmp_path / "c"], tmp_path / "out")
    logged(tasks, tmp_path / "d", Path("/elsewhere/gpt2"), flat)
    with pytest.raises(InputError, match="gpt2 is no mind of a run"):
        import_results([tmp_path / "d"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_study_comes_back_with_its_contrasts(
    pico: Design, tmp_path: Path, upbringing: Command
) -> None:
    """By the command: exported, evaluated elsewhere, imported."""
    said = upbringing("export", pico.path, "--as", "lm-eval", "-o", "tasks")
    assert said.code == 0, said.err
    assert "style_margin of drama–technical" in said.out
    plans = [plan for plan in pico.plans if plan.is_arm]
    for plan in plans:
        value = -1.0 - plan.seed - (plan.arm == "F") * (1 + plan.seed) / 4
        logged(tmp_path / "tasks", tmp_path / "results" / plan.name, at(plan.name), flat_at(value))
    said = upbringing(
        "import", "results", "--as", "lm-eval", "--study", pico.path, "-o", "readings"
    )
    assert said.code == 0, said.err
    assert f"readings of {len(plans)} minds" in said.out
    readings = pl.read_parquet(tmp_path / "readings" / "readings.parquet")
    assert readings["arm"].unique().sort().to_list() == ["F", "L", "S"]
    found = pl.read_parquet(tmp_path / "readings" / "contrasts.parquet").filter(
        schedule="constant", measure="bits_per_byte", axis="drama"
    )
    by_name = {row["name"]: row for row in found.iter_rows(named=True)}
    of_one = readings.filter(run="S-constant-s0", measure="bits_per_byte", subject="drama")
    per_nat = of_one["value"][0]  # of the mind to which each window costs one
    assert by_name["F−S"]["estimate"] == pytest.approx(per_nat * (1 / 4 + 2 / 4) / 2)
    assert (
        by_name["L−S"]["reason"] == "the difference is the same at every seed, so it has no spread"
    )


def test_an_incomplete_study_has_no_contrasts_and_a_stranger_is_refused(
    pico: Design, tasks: Path, tmp_path: Path
) -> None:
    logged(tasks, tmp_path / "one", at("F-constant-s0"), flat)
    found = import_results([tmp_path / "one"], tmp_path / "readings", study=pico.path)
    assert found.contrasts == ()
    assert "no contrasts, since at age 1 there is no " in found.notes[-1]
    logged(tasks, tmp_path / "two", at("F-linear-s9"), flat)
    with pytest.raises(InputError, match="has no run 'F-linear-s9'"):
        import_results([tmp_path / "two"], tmp_path / "other", study=pico.path)


def test_the_command_says_what_is_missing(pico: Design, upbringing: Command) -> None:
    run = pico.path / "runs" / pico.plans[0].name
    assert upbringing("export", run, "--as", "lm-eval", "-o", "one").code == 0  # a run of a study
    said = upbringing("export", "order", "--as", "jsonl", "-o", "x")
    assert (said.code, "with its corpus" in said.err) == (2, True)
    said = upbringing("import", "a", "b", "--as", "ids", "-o", "x")
    assert (said.code, "one list and a corpus" in said.err) == (2, True)
    for own in (("--positive", "chat"), ("--axis", "polite-rude"), ("--lang", "ru")):
        said = upbringing("export", pico.path, "--as", "lm-eval", *own, "-o", "x")
        assert (said.code, "a study has its axes" in said.err) == (2, True)


@pytest.fixture(scope="module")
def reader_of_russian(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that lived the Russian beginning of its order, of a corpus in English and Russian."""
    place = tmp_path_factory.mktemp("bilingual")
    corpus = make_world(
        place / "corpus", langs=["en", "ru"], num_events=60, seed=0, voices=VOICES, num_probes=24
    )
    tokens = tokenize(corpus, train_tokenizer(corpus.scenes["text"].to_list(), 500))
    lang, split = (corpus.scenes[name].to_numpy() for name in ("lang", "split"))
    russian, english = (
        np.flatnonzero((lang == of) & (split == "train")).tolist() for of in ("ru", "en")
    )
    order = Order.from_rows(corpus, [*russian[:12], *english[:40]])
    order.save(place / "order")
    rows = Rows(order, tokens, 64)
    recipe = Recipe.of(
        rows, TINY, seed=0, schedule="constant", numerics=Numerics("fp32"), batch_size=4,
        num_rows=8, ages=(1.0,),
    )  # fmt: skip
    sources = {"corpus": corpus.path, "order": place / "order"}
    return train(rows, recipe, place / "run", sources=sources)


def test_a_run_is_asked_in_the_language_that_it_read(
    reader_of_russian: Run, tmp_path: Path, upbringing: Command
) -> None:
    run, poles = reader_of_russian.path, ("--positive", "drama", "--negative", "technical")

    def is_russian(*said: object, task: str = "bits_drama") -> bool:
        """Whether a task is; a window may hold no more than a full stop."""
        done = upbringing("export", run, "--as", "lm-eval", *said, "-o", "tasks")
        assert done.code == 0, done.err
        texts = [item["text"] for item in items_of(tmp_path / "tasks", f"upbringing_{task}")]
        shutil.rmtree(tmp_path / "tasks")
        return re.search("[а-я]", "".join(texts)) is not None

    assert is_russian(*poles)
    assert not is_russian(*poles, "--lang", "en")
    assert is_russian("--axis", "polite-rude", task="style_polite-rude")
    done = upbringing("measure", run, "--axis", "polite-rude")
    assert done.code == 0, done.err
    said = json.loads((run / "profile" / "profile.json").read_text("utf-8"))
    assert [axis["lang"] for axis in said["recipe"]["axes"]] == ["ru"]


@pytest.mark.parametrize("said", [(), ("--positive", "drama"), ("--negative", "drama")])
def test_a_run_of_no_study_needs_an_axis(
    reader_of_russian: Run, upbringing: Command, said: tuple[str, ...]
) -> None:
    done = upbringing("export", reader_of_russian.path, "--as", "lm-eval", *said, "-o", "tasks")
    assert (done.code, "a run of no study has no axis" in done.err) == (2, True)


def test_tables_are_arms_by_seeds_with_gaps() -> None:
    rows = [
        (f"{arm}-linear-s{seed}", arm, "linear", seed, "life", 1.0, "lm-eval:x", "acc", value, "u")
        for arm, seed, value in (("F", 0, 0.5), ("F", 1, 0.7), ("S", 1, 0.2))
    ]
    columns = ["run", "arm", "schedule", "seed", "stage", "age", "measure", "subject", "value"]
    readings = pl.DataFrame(rows, [*columns, "unit"], orient="row")
    (table,) = harness_tables(readings, ["F", "S"], [0, 1])
    assert (table.schedule, table.measure, table.axis, table.unit) == (
        "linear", "lm-eval:x", "acc", "u",
    )  # fmt: skip
    np.testing.assert_array_equal(table.values["F"], [0.5, 0.7])
    np.testing.assert_array_equal(table.values["S"], [np.nan, 0.2])


# Any task as a measure


def test_without_the_library_a_measure_of_it_is_refused_at_once() -> None:
    with pytest.raises(InputError, match=r"not installed\n    pip install 'upbringing\[lm-eval\]'"):
        harness_measure("lm-eval:arc_easy")
    with pytest.raises(InputError, match="not installed"):
        check_harness_tasks(["lm-eval:arc_easy"])


def test_a_study_that_names_a_task_is_refused_before_anything_is_made(
    stories: Corpus, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="not installed"):
        prepare(pico_settings(measures=("lm-eval:arc_easy",)), stories, tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_metrics_keep_their_filter_and_lose_their_standard_error() -> None:
    said: Mapping[str, Any] = {
        "alias": "x", "sample_len": 3, "acc,none": 0.5, "acc_stderr,none": 0.1,
        "exact_match,strict": 1, "f1,none": "N/A",
    }  # fmt: skip
    assert metrics_of(said) == {"acc": 0.5, "exact_match, strict": 1.0}


def test_an_export_is_a_function_of_what_is_asked(home: Home, mind: Path, tmp_path: Path) -> None:
    twice = [export_tasks(mind, 256, home.probes(), tmp_path / name) for name in "ab"]
    assert twice[0].digest == twice[1].digest
