"""The command line through its front door: what each verb says, and how it refuses."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from command import Command, Said
from stories import pico_settings, write_texts

from upbringing.files import read_json, write_json, write_manifest
from upbringing.order import Rows
from upbringing.study import Design, conclude, execute
from upbringing.training import Ledger, Run
from upbringing.training.run import FORMAT

VERBS = (
    "raise", "ingest", "world", "compose", "order", "plan", "show", "train", "verify", "measure",
    "study", "report", "talk", "export", "import", "controls", "ablate", "imprint", "axis",
    "power", "factorial",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts, a corpus, a curriculum and an order, made by the command itself."""
    place = tmp_path_factory.mktemp("made")
    write_texts(place / "texts")
    for line in (
        "ingest texts -o corpus",
        "compose corpus scenic -o scenic.yaml",
        "order scenic.yaml --corpus corpus -o order",
    ):
        done = run_command(place, *line.split())
        assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def work(made: Path, tmp_path: Path) -> Path:
    """A copy of it, in which the command is called."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run_command(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command in a process of its own."""
    command = Path(sys.executable).with_name("upbringing")
    return subprocess.run(
        [command, *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
    )


# Help


def test_help_is_light_and_lists_every_verb() -> None:
    code = (
        "import sys\n"
        "from upbringing.cli import main\n"
        "sys.argv = ['upbringing', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'transformers', 'polars', 'numpy', 'sklearn', 'altair'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for verb in VERBS:
        assert f" {verb} " in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(upbringing: Command, verb: str) -> None:
    said = upbringing(verb, "--help")
    assert said.code == 0
    assert f"Usage: upbringing {verb}" in said.out


def test_the_version_is_said(upbringing: Command) -> None:
    said = upbringing("--version")
    assert (said.code, said.out) == (0, f"upbringing {importlib.metadata.version('upbringing')}\n")


def test_without_a_verb_help_is_shown(upbringing: Command) -> None:
    said = upbringing()
    assert "Usage: upbringing" in said.out + said.err
    assert upbringing("rais").code == 2


# Text → scenes → order


def test_ingest_shows_the_corpus_and_what_was_skipped(upbringing: Command, tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts")
    (texts / "drama" / "cover.txt").write_bytes(b"\x89PNG\0\0")
    lines = ['{"text": "He looked up. When the rain fell.", "kind": "drama"}', "{broken", "[1]"]
    (texts / "more.jsonl").write_text("\n".join(lines))
    said = upbringing("ingest", "texts", "-o", "corpus")
    assert said.code == 0
    assert said.lines[0] == "skipped 3 of 40 texts:"
    assert "  texts/drama/cover.txt: is binary" in said.out
    assert "  texts/more.jsonl:2: is not JSON" in said.out
    assert "  texts/more.jsonl:3: is not a JSON object" in said.out
    assert "corpus corpus  " in said.out
    assert "drama: " in said.out
    assert "held out" in said.out
    again = upbringing("ingest", "texts", "-o", "corpus")
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith("error: corpus: already exists, and nothing is overwritten")


def test_many_skipped_are_counted(upbringing: Command, tmp_path: Path) -> None:
    good = json.dumps({"text": "He looked up.", "kind": "drama"})
    (tmp_path / "lines.jsonl").write_text("\n".join([good, *["{broken"] * 30]))
    said = upbringing("ingest", "lines.jsonl", "-o", "corpus")
    assert said.lines[0] == "skipped 30 of 31 texts:"
    assert "  and 20 more" in said.lines
    assert said.out.count("is not JSON") == 10


def test_fields_name_those_of_the_lines(upbringing: Command, tmp_path: Path) -> None:
    line = json.dumps({"body": "He looked up.", "genre": "drama"})
    (tmp_path / "lines.jsonl").write_text(line)
    said = upbringing("ingest", "lines.jsonl", "-o", "corpus", "--fields", "text=body,kind=genre")
    assert said.code == 0, said.err
    wrong = upbringing("ingest", "lines.jsonl", "-o", "other", "--fields", "txt=body")
    assert wrong.code == 2
    assert "--fields has 'txt'\n    allowed: text=NAME, kind=NAME" in wrong.err


def test_world(upbringing: Command, tmp_path: Path) -> None:
    said = upbringing("world", "-o", "world", "--events", 200, "--lang", "en,ru")
    assert said.code == 0, said.err
    for voice in ("chat", "drama", "plain", "technical"):
        assert f" {voice}: " in said.out
    assert upbringing("world", "-o", "other", "--events", 0).code == 2
    unknown = upbringing("world", "-o", "other", "--lang", "xx")
    assert unknown.code == 2
    assert "xx" in unknown.err
    assert not (tmp_path / "other").exists()


def test_compose_and_order(upbringing: Command, work: Path) -> None:
    said = upbringing("compose", "corpus", "first drama")
    assert said.code == 0
    assert said.out == (
        "ltm_curriculum.yaml: change it as you like, then "
        "`upbringing order ltm_curriculum.yaml --corpus corpus -o order`\n"
    )
    head = (work / "ltm_curriculum.yaml").read_text().splitlines()[0]
    assert head == "# yaml-language-server: $schema=ltm_curriculum.schema.json"
    assert "$defs" in read_json(work / "ltm_curriculum.schema.json")
    assert upbringing("compose", "corpus", "first drama").code == 2  # it is there
    wrong = upbringing("compose", "corpus", "first dramma", "-o", "x.yaml")
    assert wrong.code == 2
    assert "did you mean 'drama'?" in wrong.err
    assert not (work / "x.yaml").exists()

    said = upbringing("order", "ltm_curriculum.yaml", "--corpus", "corpus", "-o", "first")
    assert said.code == 0
    assert said.lines[0].startswith("order first  sequence ")
    assert "childhood: age 0.000" in said.out
    assert "drama 100%" in said.out
    *ribbon, axis, key = said.lines[-6:]
    assert all(line.startswith("  ddd") for line in ribbon)
    assert (axis.startswith("0 ───"), axis.endswith("─── 1")) == (True, True)
    assert key == "  d drama   p poetry   t technical"
    assert upbringing("order", "ltm_curriculum.yaml", "--corpus", "corpus", "-o", "first").code == 2

    assert upbringing("show", "corpus").lines[0].startswith("corpus corpus  ")
    missing = upbringing("show", "first")
    assert (missing.code, "add --corpus FOLDER" in missing.err) == (2, True)


def test_plan_tells_shares_cost_and_warnings_and_writes_nothing(
    upbringing: Command, work: Path
) -> None:
    (work / "life.yaml").write_text(
        "name: life\n"
        "phases:\n"
        "  - name: childhood\n"
        "    scenes: {kind: [drama, poetry]}\n"
        "    arrange: {mixture: {drama: [1, 0], poetry: [0, 1]}}\n"
        "    batch_size: 512\n"
    )
    before = sorted(work.rglob("*"))
    said = upbringing("plan", "life.yaml", "--corpus", "corpus")
    assert (said.code, said.err) == (0, "")
    assert sorted(work.rglob("*")) == before
    assert said.lines[0].startswith("plan life.yaml  sequence ")
    assert "└── childhood: age 0.000–1.000, " in said.out
    table = said.lines.index(next(line for line in said.lines if line.startswith("age from")))
    drama, poetry = (line.split() for line in said.lines[table + 1 : table + 3])
    assert (drama[0], poetry[0]) == ("drama", "poetry")
    assert (tenths(drama)[0] > 80, tenths(drama)[-1] < 20) == (True, True)
    sums = [sum(pair) for pair in zip(tenths(drama), tenths(poetry), strict=True)]
    assert sums == pytest.approx([100] * 10, abs=1)
    for what in ("time    ", "memory  ", "disk    "):
        assert sum(line.startswith(what) for line in said.lines) == 1
    assert "warning: life.yaml:2:1: kinds that are never read: technical (" in said.out
    assert "warning: childhood is shorter than one step: about " in said.out
    longer = upbringing("plan", "life.yaml", "--corpus", "corpus", "--row-length", 512)
    assert steps(longer) <= steps(said)


def test_plan_predicts_the_imprint_of_the_levers_it_is_told(
    upbringing: Command, work: Path
) -> None:
    (work / "even.yaml").write_text("{name: even, phases: [{name: life, scenes: rest}]}")
    asked = (
        "plan", "even.yaml", "--corpus", "corpus", "--batch-size", 2, "--schedule", "constant",
        "--peak-lr", 0.01, "--weight-decay", 2,
    )  # fmt: skip
    assert highest(upbringing(*asked)) > 0.9
    assert highest(upbringing(*asked, "--priority", "{0: 1, 1: 0}")) < 0.1


def highest(said: Said) -> float:
    """The age of the highest imprint that `plan` predicts."""
    found = re.search(r"predicted imprint, .* rate: highest at age (\d\.\d+)", said.out)
    assert found, said
    return float(found[1])


def test_show_an_order(upbringing: Command, work: Path) -> None:
    said = upbringing("show", "order", "--corpus", "corpus")
    assert said.code == 0
    assert said.lines[0].startswith("order order  sequence ")
    assert said.lines[1].startswith("├── ")
    first, last = said.lines.index("first"), said.lines.index("last")
    assert (last - first, len(said.lines) - last) == (5, 4)
    assert said.lines[first + 1].startswith("  0.0000  ")
    assert max(map(len, said.lines)) <= 100


def test_show_a_moment_and_a_scene(upbringing: Command, work: Path) -> None:
    show = ("show", "order", "--corpus", "corpus")
    said = upbringing(*show, "--at", 0)
    assert said.lines[0].startswith("age 0: infancy (0.000–")
    here = said.lines[1]
    assert here.startswith("→ 0.0000  ")
    assert ", position 0 of " in here
    assert said.lines[2].startswith("    ")
    scene = here.split()[2]
    told = upbringing(*show, "--scene", scene)
    assert told.lines[0].endswith(" is met once")
    assert told.lines[-2:] == [
        "  1  age 0.0000, position 0, phase infancy",
        f"     before {said.lines[-2].split('  ')[2]}",
    ]
    assert len(upbringing(*show, "--at", 0.5).lines[1:]) > 5
    for option in (("--at", 2), ("--at", "nan"), ("--scene", "nobody")):
        refused = upbringing(*show, *option)
        assert (refused.code, refused.out) == (2, "")


def test_compose_a_life_like_a_text(upbringing: Command, work: Path) -> None:
    (work / "like.txt").write_text(next((work / "texts").rglob("*.txt")).read_text())
    assert upbringing("compose", "corpus", "--like", "like.txt", "-o", "like.yaml").code == 0
    assert "near:" in (work / "like.yaml").read_text()
    said = upbringing("order", "like.yaml", "--corpus", "corpus", "-o", "like")
    assert (said.code, said.err) == (0, "")


def test_show_an_order_against_another(upbringing: Command, work: Path) -> None:
    upbringing("compose", "corpus", "first poetry", "-o", "poetry.yaml")
    upbringing("order", "poetry.yaml", "--corpus", "corpus", "-o", "poetry")
    said = upbringing("show", "order", "--corpus", "corpus", "--against", "poetry")
    assert (said.code, said.err) == (0, "")
    assert (said.lines[0], said.lines[6]) == ("order", "poetry")
    assert "permutations of the same " in said.out
    assert "a visit moves by 0." in said.out
    assert "(Kendall's tau " in said.out
    assert [line.split()[0] for line in said.lines[-4:]] == ["kind", "drama", "poetry", "technical"]
    itself = upbringing("show", "order", "--corpus", "corpus", "--against", "order")
    assert itself.lines[-1].startswith("the same order: ")
    assert upbringing("show", "order", "--corpus", "corpus", "--against", "corpus").code == 2


def test_show_draws_an_svg(upbringing: Command, work: Path) -> None:
    said = upbringing("show", "order", "--corpus", "corpus", "--svg", "order.svg")
    assert (said.code, said.out) == (0, "order.svg\n")
    assert (work / "order.svg").read_text().startswith("<svg ")


def test_only_an_order_can_be_asked(upbringing: Command, work: Path, pico_copy: Path) -> None:
    asked = upbringing("show", "corpus", "--at", 0.3, "--svg", "x.svg")
    assert asked.code == 2
    assert "corpus: is a corpus, and --at, --svg asks an order" in asked.err
    assert not (work / "x.svg").exists()
    assert "is a study" in upbringing("show", pico_copy, "--scene", "x").err
    run = next((pico_copy / "runs").glob("F-*"))
    assert upbringing("show", run, "--at", 0.5).lines[0].startswith("age 0.5: ")


def test_text_of_a_corpus_gives_a_terminal_no_orders(upbringing: Command, tmp_path: Path) -> None:
    line = json.dumps({"text": "He looked \x1b[31mup\x07 and [bold]down[/bold].", "kind": "drama"})
    (tmp_path / "lines.jsonl").write_text(line)
    upbringing("ingest", "lines.jsonl", "-o", "corpus")
    (tmp_path / "life.yaml").write_text("name: a\nphases: [{name: life, scenes: rest}]\n")
    upbringing("order", "life.yaml", "--corpus", "corpus", "-o", "order")
    for option in ((), ("--at", 0.5)):
        said = upbringing("show", "order", "--corpus", "corpus", *option)
        assert "\x1b" not in said.out
        assert "\x07" not in said.out
        assert "[bold]down[/bold]" in said.out


def test_a_look_at_an_order_loads_no_trainer(made: Path) -> None:
    code = (
        "import sys\n"
        "from upbringing.cli import main\n"
        "sys.argv = ['upbringing', 'show', 'order', '--corpus', 'corpus', '--at', '0.3']\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'altair'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=made, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def tenths(row: list[str]) -> list[int]:
    return [0 if share == "·" else int(share.strip("<>%")) for share in row[1:-1]]


def steps(said: Said) -> int:
    (line,) = (line for line in said.lines if " tokens in " in line)
    return int(line.split()[-2].replace(",", ""))


FIVE_MISTAKES = """\
name: broken
sead: 4
phases:
  - name: childhood
    scenes: {kind: dramma, langs: en}
    arrange: shufle
    batch_size: 0
  - name: childhood
"""


def test_five_mistakes_in_a_curriculum_are_all_shown(upbringing: Command, work: Path) -> None:
    (work / "broken.yaml").write_text(FIVE_MISTAKES)
    said = upbringing("order", "broken.yaml", "--corpus", "corpus", "-o", "broken")
    assert said.code == 2
    for mistake in (
        "broken.yaml:2:1: unknown key 'sead'",
        "did you mean 'seed'?",
        "broken.yaml:5:28: unknown key 'phases.0.scenes.langs'",
        "broken.yaml:6:5: phases.0.arrange: no arrangement is called shufle",
        "did you mean 'shuffle'?",
        "broken.yaml:7:5: phases.0.batch_size:",
        "phases.1: a phase needs `scenes`",
    ):
        assert mistake in said.err
    assert not (work / "broken").exists()


# Order → run → profile


def test_train_verify_measure_talk(upbringing: Command, work: Path) -> None:
    train = ("train", "order", "--corpus", "corpus", "-o", "run", "--row-length", 64)
    said = upbringing(*train)
    assert said.code == 0, said.err
    assert said.lines[-1].startswith("run: ledger ")
    assert said.lines[-1].endswith(", 11 checkpoints")
    assert "raised already: nothing is left to do" in upbringing(*train).lines
    other = upbringing(*train, "--seed", 3)
    assert other.code == 2
    assert "run: the run there has another seed" in other.err

    said = upbringing("verify", "run")
    assert said.lines[0].startswith("run: consumed its order, row by row; ledger ")
    said = upbringing("show", "run")
    assert said.code == 0
    assert "checkpoints at ages 0.05, 0.1" in said.out

    said = upbringing("measure", "run", "drama", "technical")
    assert said.code == 0, said.err
    unheard, head, *figures = (line.split() for line in said.lines)
    assert " ".join(unheard).startswith("drama–technical: no voice is heard: ")
    ages = ["0.05", *(f"{n / 10:g}" for n in range(1, 11))]
    assert head == ["measure", "of", *ages, "in", "full", "unit"]
    assert [row[:2] for row in figures[:4]] == [
        ["bits_per_byte", subject] for subject in ("drama", "poetry", "technical", "all")
    ]
    assert all(0 < float(value) < 20 for row in figures[:4] for value in row[2:-1])
    again = upbringing("measure", "run", "drama", "technical")
    assert again.out == said.out
    wrong = upbringing("measure", "run", "dramma", "technical")
    assert wrong.code == 2
    assert "did you mean 'drama'?" in wrong.err
    assert "no axis is named" in upbringing("measure", "run").err
    assert "drama is one pole" in upbringing("measure", "run", "drama").err

    said = upbringing("talk", "run", "--prompt", "When the", "--num-tokens", 5, "--seeds", 2)
    assert said.lines[0].startswith("each opening is continued once for each sampler seed 0 to 1")
    assert "run, age 1, seed 0" in said.lines
    assert sum(line.startswith("When the") for line in said.lines) == 2
    too_long = upbringing("talk", "run", "--prompt", "word " * 100)
    assert (too_long.code, "tokens long" in too_long.err) == (2, True)
    for option in (("--temperature", 0), ("--seeds", 0), ("--age", 2), ("--num-tokens", 0)):
        assert upbringing("talk", "run", "--prompt", "He", *option).code == 2


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--shape", "301k"), "no shape is called '301k'\n    allowed: 300k, 1m"),
        (("--schedule", "slow"), "no schedule is called 'slow'\n    allowed: constant, linear"),
        (("--precision", "fp8"), "no precision is called 'fp8'"),
        (("--tokenizer", "none.json"), "none.json: no such tokenizer"),
        (("--batch-size", "0"), "batch-size"),
    ],
)
def test_what_train_cannot_do(
    upbringing: Command, work: Path, option: tuple[str, str], message: str
) -> None:
    said = upbringing("train", "order", "--corpus", "corpus", "-o", "run", *option)
    assert said.code == 2
    assert message in said.err
    assert not (work / "run").exists()


def tampered(run: Run, change: Callable[[list], list]) -> None:
    """Feed the run's ledger other rows, and sign it as if the loop had been fed them."""
    honest = Ledger.open(run.path / "ledger.parquet")
    forged = Ledger()
    for digests in change([*honest.rows]):
        forged.add(digests)
    forged.save(run.path / "ledger.parquet")
    manifest = run.manifest
    write_manifest(
        run.path,
        FORMAT,
        recipe=manifest.recipe,
        inputs=manifest.inputs,
        facts={**manifest.facts, "ledger": forged.digest},
        only=("ledger.parquet", "metrics.parquet", "checkpoints/age_*/*"),
    )


def swap(steps: list) -> list:
    steps[5] = steps[5][[0, 2, 1, 3]]
    return steps


def double(steps: list) -> list:
    steps[5] = steps[5][[0, 1, 1, 3]]
    return steps


def drop(steps: list) -> list:
    steps[5] = steps[5][:3]
    return steps


@pytest.mark.parametrize(
    ("change", "row", "found_row"), [(swap, 21, 22), (double, 22, 21), (drop, 23, None)]
)
def test_verify_names_step_row_expected_and_found(
    upbringing: Command,
    pico_copy: Path,
    change: Callable[[list], list],
    row: int,
    found_row: int | None,
) -> None:
    run = Run.open(pico_copy / "runs" / "F-constant-s1")
    tampered(run, change)
    said = upbringing("verify", run.path)
    assert (said.code, said.out) == (2, "")
    rows = run.rows()
    head = f"{run.path}: step 5, row {row}: expected {scenes_of(rows, row)}, found "
    found = "nothing: the row was dropped"
    if found_row is not None:
        found = f"row {found_row}, {scenes_of(rows, found_row)}"
    assert f"{head}{found}" in said.err


def scenes_of(rows: Rows, row: int) -> str:
    low, high = rows.visits_of_row(row)
    ids = rows.order.corpus.scenes["id"].gather(rows.order.sequence[low:high]).to_list()
    return f"scene {ids[0]}" if len(ids) == 1 else f"scenes {ids[0]} … {ids[-1]}"


def test_verify_tells_everything_that_is_wrong_in_a_study(
    upbringing: Command, pico_copy: Path
) -> None:
    tampered(Run.open(pico_copy / "runs" / "F-constant-s1"), swap)
    weights = pico_copy / "runs" / "L-steep-s0" / "checkpoints" / "age_1.0000" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    said = upbringing("verify", pico_copy)
    assert said.code == 2
    assert len(said.lines) == 16 + 12 - 2
    assert "F-constant-s1: step 5, row 21: expected scene" in said.err
    assert "age_1.0000/model.safetensors: is damaged" in said.err


def test_a_ledger_that_was_only_edited_is_damaged(upbringing: Command, pico_copy: Path) -> None:
    file = pico_copy / "runs" / "F-constant-s1" / "ledger.parquet"
    frame = pl.read_parquet(file)
    frame.with_columns(pl.col("step") + 1).write_parquet(file)
    said = upbringing("verify", file.parent)
    assert said.code == 2
    assert "ledger.parquet: is damaged" in said.err


def test_a_damaged_run_is_named_before_it_is_shown(upbringing: Command, pico_copy: Path) -> None:
    run = pico_copy / "runs" / "F-constant-s0"
    (run / "recipe.json").write_text("{")
    said = upbringing("show", run)
    assert (said.code, said.out) == (2, "")
    assert "recipe.json: is damaged" in said.err


# Studies


def test_a_concluded_study(upbringing: Command, pico_copy: Path) -> None:
    said = upbringing("show", pico_copy)
    assert said.lines[0].startswith(f"study {pico_copy}: 16 of 16 runs done, design ")
    assert "  F  drama first, technical at the far end" in said.lines
    assert said.lines[-1] == "Two seeds: a demonstration, no verdict."
    said = upbringing("verify", pico_copy)
    assert (said.code, len(said.lines)) == (0, 16 + 12)
    said = upbringing("talk", pico_copy, "--prompt", "He looked", "--num-tokens", 4, "--seeds", 1)
    minds = [line.split(",")[0] for line in said.lines[1:] if ", age " in line]
    assert minds == ["F-constant-s0", "L-constant-s0", "S-constant-s0"]
    said = upbringing("report", pico_copy)
    assert said.lines == [str(pico_copy / "report.html")]
    with_text = (pico_copy / "report.html").stat().st_size
    assert upbringing("report", pico_copy, "--no-text").code == 0
    assert (pico_copy / "report.html").stat().st_size < with_text


def test_study_designs_raises_and_then_has_nothing_to_do(
    upbringing: Command, pico: Design, tmp_path: Path
) -> None:
    settings = pico_settings().model_dump(mode="json", exclude_defaults=True)
    write_json(tmp_path / "study.yaml", settings)  # JSON is YAML
    call = ("study", "study.yaml", "--corpus", pico.corpus.path, "-o", "out")
    said = upbringing(*call, "--design-only")
    assert said.code == 0, said.err
    assert said.lines[0] == f"out/study.json: 16 runs, design {pico.digest[:16]}"
    assert said.lines[1].startswith("out/preregistration.md: hashed before the first run, SHA-256 ")
    assert said.lines[2].startswith("underpowered: 2 seeds see a difference of 2 seed SDs in ")
    assert len(said.lines) == 3
    assert not (tmp_path / "out" / "runs").exists()

    shutil.copytree(pico.path / "runs", tmp_path / "out" / "runs")
    said = upbringing(*call)
    assert said.code == 0, said.err
    assert said.lines[3] == "all minds are raised already: nothing is left to train"
    assert said.lines[-1] == "Two seeds: a demonstration, no verdict."

    settings["seeds"] = [0, 1, 2]
    write_json(tmp_path / "study.yaml", settings)
    said = upbringing(*call)
    assert said.code == 2
    assert "out: another study lies there; it differs in seeds ([0, 1] there" in said.err


def test_a_study_without_runs(upbringing: Command, pico_copy: Path) -> None:
    shutil.rmtree(pico_copy / "runs")
    for file in pico_copy.glob("*.parquet"):
        file.unlink()
    (pico_copy / "findings.json").unlink()
    assert "no run is finished yet" in upbringing("verify", pico_copy).err
    assert "0 of 16 runs done" in upbringing("show", pico_copy).out
    said = upbringing("report", pico_copy)
    assert said.code == 2
    assert "findings.json: is missing" in said.err
    assert not (pico_copy / "report.html").exists()


def test_a_study_may_be_moved(upbringing: Command, pico_copy: Path) -> None:
    pico_copy.parent.rename(pico_copy.parent.with_name("moved"))
    moved = pico_copy.parent.with_name("moved") / "study"
    assert upbringing("verify", moved).code == 0
    before = read_json(moved / "findings.json")
    execute(Design.open(moved), num_workers=1)
    conclude(Design.open(moved))
    after = read_json(moved / "findings.json")
    assert after | {"command": ""} == before | {"command": ""}  # this process has another argv


# What cannot be


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("raise nowhere -o x", "nowhere: no such file or folder"),
        ("raise empty -o x", "empty: holds no file"),
        ("raise texts --preset qick -o x", "no preset is called 'qick'"),
        ("raise texts --shape 301k -o x", "no shape is called '301k'"),
        ("raise texts --schedules slow -o x", "no schedule is called 'slow'"),
        ("raise texts --arms F,X,S -o x", "no arm is called 'X'"),
        ("raise texts --seeds 1 -o x", "a study needs 2 seeds or more"),
        ("raise texts --workers 0 -o x", "workers"),
        ("ingest nowhere -o x", "nowhere: no such file or folder"),
        ("ingest empty -o x", "empty: holds no file"),
        ("ingest binary -o x", "nothing usable was found"),
        ("ingest texts -o x --smallest 900 --largest 100", "900"),
        ("compose corpus nothing -o x", "'nothing' is neither a kind nor a character"),
        ("compose corpus -o x", "an intention or an example"),
        ("compose corpus scenic --like scenic.yaml -o x", "an intention or an example"),
        ("compose corpus --like corpus/scenes.parquet -o x", "is not UTF-8 text"),
        ("compose corpus --like nowhere -o x", "nowhere: no such file"),
        ("compose corpus scenic --book measured -o x", "no study has shown a recipe"),
        ("compose corpus scenic --vectors x -o x", "--vectors: no vectors are 'x'"),
        (
            "compose corpus 'first drama' --vectors no.npy -o x",
            "--vectors: no vectors are 'no.npy'",
        ),
        (
            "compose corpus scenic --vectors model2vec=no -o x",
            "allowed: tfidf, FILE.npy, model2vec=F",
        ),
        ("compose texts scenic -o x", "texts: is not a finished corpus"),
        ("order none.yaml --corpus corpus -o x", "none.yaml: no such file"),
        ("order scenic.yaml --corpus texts -o x", "texts: is not a finished corpus"),
        ("plan scenic.yaml --corpus nowhere", "nowhere: no such folder"),
        ("show nowhere", "nowhere: no such folder"),
        ("show texts", "texts: is no artefact of ours"),
        ("train corpus --corpus corpus -o x", "corpus: is a corpus, and no order"),
        ("train order --corpus corpus -o x --log mlflow", "no sink is called 'mlflow'"),
        ("verify texts", "texts: is not a finished run"),
        ("measure texts a b", "texts: is not a finished run"),
        ("study scenic.yaml --corpus corpus -o x", "'block' is missing"),
        ("report texts", "texts: is no artefact of ours\n    allowed: a study or a corpus"),
        ("report order", "order: is an order\n    allowed: a study or a corpus"),
        ("report nowhere", "nowhere: no such folder"),
        ("talk texts --prompt He", "texts: is not a finished run"),
        ("ingest texts -o scenic.yaml/x", "scenic.yaml/x: cannot be made, since "),
        ("world -o scenic.yaml/x", "scenic.yaml/x: cannot be made, since "),
        ("compose corpus scenic -o scenic.yaml/x", "scenic.yaml/x: cannot be made, since "),
        ("plan scenic.yaml --corpus corpus --svg scenic.yaml/x", "\n    choose another --svg"),
        ("plan scenic.yaml --corpus corpus --svg scenic.yaml", "scenic.yaml: already exists"),
        ("show order --corpus corpus --svg scenic.yaml", "scenic.yaml: already exists"),
        ("report corpus --picture texts", "texts: already exists"),
        ("compare order --json scenic.yaml", "scenic.yaml: already exists"),
        ("order scenic.yaml --corpus corpus -o order", "order: already exists"),
        ("raise -o corpus", "corpus: is a corpus, and no protocol of ours"),
        ("raise -o texts", "texts: is a folder with other files, and no protocol of ours"),
        ("raise -o scenic.yaml", "scenic.yaml: is a file"),
        ("raise --first dramma -o x", "--first: the world has no voice 'dramma'"),
        ("raise --last tecnical -o x", "did you mean 'technical'?"),
        ("raise --lang fr -o x", "--lang: the world has no language 'fr'"),
        ("world -o x --voices plainn", "the world has no voice 'plainn'\n    allowed: plain, "),
        ("world -o x --seed -1", "--seed"),
        ("world -o x --lang fr", "the world has no language 'fr'\n    allowed: en, ru"),
        ("compose corpus scenic --lang= -o x", "--lang is ''"),
        ("train order --corpus corpus -o x --seed -1", "--seed"),
        ("train order --corpus corpus -o x --log-to here", "--log-to without --log"),
        ("imprint order -o x", "order: is an order, and no corpus"),
        ("imprint corpus -o order", "order: is an order, and no imprint"),
        ("power --seed-sd 0.06 --effect inf", "an effect of inf"),
        ("power --seed-sd nan", "--seed-sd"),
    ],
)
def test_bad_input_exits_with_2_and_leaves_nothing(
    upbringing: Command, work: Path, line: str, message: str
) -> None:
    (work / "empty").mkdir()
    (work / "binary").mkdir()
    (work / "binary" / "a.txt").write_bytes(b"\0\0")
    before = {file for file in work.rglob("*") if "tokens" not in file.parts}
    said = upbringing(*shlex.split(line))
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert {file for file in work.rglob("*") if "tokens" not in file.parts} == before


@pytest.mark.parametrize(
    ("line", "messages"),
    [
        (
            "raise -o x --preset fast --arms Q,S --shape 5m --schedules slow --seeds 1",
            ("preset", "arm", "shape", "schedule", "2 seeds"),
        ),
        (
            "imprint corpus -o x --schedules slow --shape 9m --peak-lr nan --ages 2",
            ("slow", "9m", "peak rate", "2 ages"),
        ),
        ("raise -o x --first dramma --lang fr", ("dramma", "'fr'")),
        (
            "train order --corpus corpus -o x --packing foo --attention bar --precision fp8",
            ("foo", "bar", "fp8"),
        ),
        ("world -o x --lang fr,de --voices plainn,dramma", ("'fr'", "'de'", "plainn", "dramma")),
        ("study study.yaml --corpus corpus -o x", ("'ru'", "study.yaml:3:1: no scene is of kind")),
        ("power --seed-sd 0.1 --effect inf --position FIRST", ("inf", "FIRST")),
    ],
)
def test_all_that_is_wrong_is_told_at_once(
    upbringing: Command, work: Path, line: str, messages: tuple[str, ...]
) -> None:
    study = "name: x\nblock: drama\nagainst: dramma\nlang: ru\nseeds: 2\n"
    (work / "study.yaml").write_text(study)
    said = upbringing(*line.split())
    assert said.code == 2
    assert [message for message in messages if message not in said.err] == []


def test_a_study_says_where_its_kinds_are_wrong(upbringing: Command, work: Path) -> None:
    study = "name: x\nblock: drama\nagainst: drama\nseeds: 2\n"
    (work / "study.yaml").write_text(study)
    said = upbringing("study", "study.yaml", "--corpus", "corpus", "-o", "x")
    assert said.code == 2
    assert said.err == "error: study.yaml:3:1: 'drama' is the block and its counterpart\n"


def test_a_study_is_put_into_no_other_artefact(upbringing: Command, work: Path) -> None:
    (work / "study.yaml").write_text("name: x\nblock: drama\nagainst: technical\nseeds: 2\n")
    before = sorted((work / "corpus").iterdir())
    said = upbringing("study", "study.yaml", "--corpus", "corpus", "-o", "corpus")
    assert said.code == 2
    assert "corpus: is a corpus, and no study" in said.err
    assert sorted((work / "corpus").iterdir()) == before


def test_an_export_is_told_from_a_run(upbringing: Command, work: Path) -> None:
    options = ("--as", "jsonl", "--corpus", "corpus", "-o", "rows")
    assert upbringing("export", "order", *options).code == 0
    said = upbringing("verify", "rows")
    assert said.code == 2
    assert "rows: is an export as jsonl" in said.err
    assert "--as jsonl --order FOLDER --corpus FOLDER" in said.err


def test_drawings_make_their_folder(upbringing: Command, work: Path) -> None:
    said = upbringing("show", "order", "--corpus", "corpus", "--svg", "new/drawn/order.svg")
    assert said.code == 0, said.err
    assert (work / "new" / "drawn" / "order.svg").exists()


def test_an_unknown_kind_is_suggested(upbringing: Command, work: Path) -> None:
    said = upbringing("raise", "texts", "--first", "dramma", "-o", "x")
    assert said.code == 2
    assert said.err == (
        "error: --first: no scene is of kind 'dramma'\n"
        "    allowed: drama, poetry, technical\n"
        "    did you mean 'drama'?\n"
    )
    assert [file.name for file in (work / "x").iterdir()] == ["corpus"]  # whole, and of use
    assert upbringing("show", "x/corpus").code == 0


def test_an_edited_study_is_refused(upbringing: Command, pico_copy: Path) -> None:
    said = read_json(pico_copy / "study.json")
    said["design"]["axes"][0]["primary"] = "voice"
    write_json(pico_copy / "study.json", said)
    for verb in ("show", "talk"):
        options = ("--prompt", "He") if verb == "talk" else ()
        refused = upbringing(verb, pico_copy, *options)
        assert refused.code == 2
        assert "study.json: was changed after it was hashed" in refused.err
