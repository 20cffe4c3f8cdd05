"""The report room: what it refuses, what stands on the page, what a biography tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fake_study
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing import report
from upbringing.character.measures import measures
from upbringing.errors import ArtefactError, InputError
from upbringing.files import read_json, write_json
from upbringing.report import biography, picture, words, write_page
from upbringing.report.colours import COLOURS
from upbringing.report.folder import read_study
from upbringing.report.page import badges, render
from upbringing.report.records import Findings
from upbringing.report.ribbons import MAX_KINDS, kind_colours
from upbringing.study import Design, conclude, open_findings
from upbringing.study import findings as findings_module
from upbringing.study.concluded import figures_of

SECTIONS = [
    "answer",
    "picture",
    "reading",
    "life",
    "turning",
    "figures",
    "explored",
    "samples",
    "making",
    "words",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that no test changes."""
    return fake_study.build(tmp_path_factory.mktemp("report") / "study")


@pytest.fixture(scope="module")
def page(whole: Path) -> str:
    return write_page(whole).read_text(encoding="utf-8")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study to damage."""
    return fake_study.build(tmp_path / "study")


class Outline(HTMLParser):
    """Tags, section ids and the text outside scripts and styles, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sections: list[str] = []
        self.text = ""
        self._silent = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._silent = tag in ("script", "style")
        if tag == "section":
            self.sections.append(dict(attrs)["id"] or "")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += data


def data_block(page: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


# The page


def test_sections_stand_in_order_with_the_answer_first(page: str) -> None:
    outline = Outline(page)
    assert outline.sections == SECTIONS
    places = [outline.text.index(line) for line in fake_study.findings()["answer"]]
    assert places == sorted(places)
    assert places[-1] < outline.text.index("Where each mind ended")
    assert "demonstration, 3 seeds, no verdict" in outline.text[: places[0]]


def test_what_a_reader_must_be_told_is_told(page: str) -> None:
    text = Outline(page).text
    for told in (
        "upbringing raise --preset quick",
        "d5" * 32,
        "0f" * 32,
        "the first sampler seed of every prompt is shown",
        "washout too weak: the lead fell by 0.31",
        "three seeds are too few for the gate",
        "precision bf16, compile yes, threads 1, device cpu",
        "AUC 0.97",
        "drama last against shuffled",
        "−0.49\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}−0.21",
        "UNRESOLVED",
    ):
        assert told in text, told


def test_no_string_of_the_study_becomes_markup(page: str) -> None:
    outline = Outline(page)
    assert "img" not in outline.tags
    assert "the mixture ladder was not raised <b>here</b>" in outline.text
    assert fake_study.HOSTILE not in page
    assert outline.tags.count("script") == 4
    shown = [text for _, _, text, _ in data_block(page, "samples-data")["answers"]]
    assert sum(fake_study.HOSTILE in text for text in shown) == len(shown) / 3


def test_every_sample_is_in_the_page_once_under_its_own_key(page: str, whole: Path) -> None:
    data = data_block(page, "samples-data")
    assert data["steps"] == ["age 0.05", "age 0.40", "age 1.00", "washout 1.00"]
    assert [arm["id"] for arm in data["arms"]] == ["F", "L", "S", "pole-drama", "pole-technical"]
    answers = {key: opening + text for key, opening, text, _ in data["answers"]}
    assert len(answers) == pl.read_parquet(whole / "samples.parquet").height
    assert answers["L/steep/2/1/2/0"] == (
        f"On the third morning {fake_study.RUSSIAN}. L-steep-s2 at 0.4"
    )


def test_the_policy_forbids_the_network_and_knows_both_scripts(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].count("'sha256-") == 2
    assert "unsafe" not in rules["script-src"]
    assert "connect-src" not in rules


def test_without_text_no_opening_and_no_answer_is_left(study: Path) -> None:
    page = write_page(study, with_text=False).read_text(encoding="utf-8")
    samples = pl.read_parquet(study / "samples.parquet")
    for text in {*samples["opening"], *fake_study.TOLD.values(), fake_study.RUSSIAN}:
        assert text not in page
        assert json.dumps(text)[1:-1] not in page
    assert fake_study.HOSTILE[10:30] not in page
    assert data_block(page, "samples-data") is None
    assert Outline(page).sections == SECTIONS


def test_the_quick_page_is_small_enough_to_send(page: str) -> None:
    assert len(page.encode()) < 1_500_000


def test_the_same_study_gives_the_same_page(whole: Path, page: str) -> None:
    assert write_page(whole).read_text(encoding="utf-8") == page


def test_a_verdict_is_worn_as_a_badge_for_each_schedule() -> None:
    record = fake_study.findings() | {"is_demonstration": False}
    record["verdicts"][0] |= {"position": "RECENCY", "qualifiers": ["SPECIFIC", "AT A COST"]}
    assert badges(Findings.model_validate(record)) == [
        "constant: recency, specific, at a cost",
        "steep: unresolved",
    ]


def half_life(**fields: object) -> dict[str, object]:
    """A record of a difference that too few seeds tell of."""
    return {
        "schedule": "constant",
        "axis": fake_study.AXIS,
        "name": "L−S",
        "answer": "cannot be told",
        "estimate": None,
        "low": None,
        "high": None,
        "unit": "tokens",
        "method": "fitted to the mean",
        "reason": "3 seeds, an interval needs 6",
    } | fields


def test_what_no_difference_tells_is_one_sentence(study: Path) -> None:
    untold = [
        half_life(name=name, schedule=schedule)
        for schedule in ("constant", "steep")
        for name in ("F−S", "L−S")
    ]
    change(study, half_lives=untold)
    page = Outline(render(read_study(study), with_text=True)).text
    assert (
        "Half-lives of F−S, L−S over the washout: cannot be told (3 seeds, an interval needs 6)."
    ) in page
    assert page.count("cannot be told") == 1
    told = half_life(answer="fades", estimate=2100.0, low=900.0, high=None, reason="")
    change(study, half_lives=[*untold, told])
    page = render(read_study(study), with_text=True)
    assert page.count("cannot be told") == len(untold)
    # A heading stands as its column does: words at the left, figures at the right.
    assert (
        '<th scope="col">Contrast</th><th scope="col">Answer</th>'
        '<th scope="col" class="number">Half-life</th><th scope="col">Why</th>'
    ) in page
    change(study, half_lives=[told])
    assert "2100" in Outline(render(read_study(study), with_text=True)).text


def test_the_least_p_of_a_few_seeds_is_said_beside_it(study: Path) -> None:
    told = "3 seeds cannot give a p below 0.25, whatever they show."
    page = Outline(render(read_study(study), with_text=True)).text
    assert page.count(told) == len(fake_study.SCHEDULES) * 2
    many = [contrast | {"num_seeds": 6} for contrast in fake_study.findings()["contrasts"]]
    change(study, contrasts=many)
    assert "whatever they show" not in Outline(render(read_study(study), with_text=True)).text


def test_the_washout_is_told_once(page: str) -> None:
    text = Outline(page).text
    assert text.count("washout too weak: the lead fell by 0.31") == 1
    assert "judged once, for all learning rates" in text


def test_where_lines_begin_is_said(page: str) -> None:
    told = f"Lines begin at age {words.number(fake_study.AGES[0])}, the first at which"
    assert told in Outline(page).text


def test_headings_of_figures_name_their_unit(page: str) -> None:
    for told in ("Estimate, pole distance", "Estimate, bits/byte", "Cost, bits/byte"):
        assert f'class="number">{told}</th>' in page


def test_names_of_poles_stand_outside_of_what_is_drawn_between_them(page: str) -> None:
    for chart in ("dots-0", "life-1"):
        spec = data_block(page, "charts")["specs"][chart]
        names = spec["layer"][-4:]  # on top of all else, each over its rim
        assert [name["mark"]["dy"] for name in names] == [10, 10, -10, -10]
        rows = [spec["datasets"][name["data"]["name"]] for name in names]
        assert [row["name"] for (row,) in rows] == [
            *["raised on technical only"] * 2,
            *["raised on drama only"] * 2,
        ]


def test_the_slider_says_where_life_ends(study: Path, page: str) -> None:
    assert "Move through life and washout:" in page
    assert '<span style="flex-grow:2.5">life</span>' in page  # three steps and one after them
    assert '<span style="flex-grow:0.5">washout</span>' in page
    file = study / "samples.parquet"
    pl.read_parquet(file).filter(stage="life").write_parquet(file)
    fake_study.reseal(study)
    alone = render(read_study(study), with_text=True)
    assert "Move through life:" in alone
    assert 'class="stages"' not in alone


def test_the_glossary_has_every_measure_and_no_word_that_is_not_used(page: str) -> None:
    record = fake_study.findings()
    plain = words.glossary(Findings.model_validate(record))
    assert {"F", "L", "S", "Judge", "AUC, Brier", "Washout", "Kept age"} <= {*plain}
    unused = {"M", "O", "N", "D", "Average", "Half-life", "Position", "Cut short", "Voice"}
    assert not unused & {*plain}
    assert all(f"<dt>{word}</dt>" in page for word in plain)

    known = measures() | measures(named=True)
    contrast = record["contrasts"][0]
    record["contrasts"] = [contrast | {"measure": name} for name in [*known, "mine.py:mood"]]
    record["contrasts"].append(contrast | {"schedule": "steep − steep, cut short"})
    told = words.glossary(Findings.model_validate(record))
    for name in known:
        text = told[words.measure(name).capitalize()]
        assert len(text) > 20
        assert not set("`_") & set(text), text
        assert not re.search(r"\((margins|half.gain)\)", text)  # a function is no word of a page
    assert told["Mine.py:mood"] == "A measure of this study's own."
    assert {"Cut short", "Schedule − schedule"} <= {*told}


def change(study: Path, **fields: object) -> None:
    file = study / "findings.json"
    write_json(file, read_json(file) | fields)
    fake_study.reseal(study)


def test_figures_that_are_not_there_are_dashes_with_their_reason(study: Path) -> None:
    record = fake_study.findings()
    lost = {"low": None, "high": None, "p": None, "reason": "a run of L diverged"}
    record["contrasts"][1] |= lost | {"estimate": None}
    record["axes"][0]["judge"] = None
    change(study, contrasts=record["contrasts"], axes=record["axes"])
    text = Outline(render(read_study(study), with_text=True)).text
    assert "L−Sdrama last against shuffled–a run of L diverged–" in text


def test_without_measured_poles_the_natural_unit_is_shown(study: Path) -> None:
    lost = {"arm": "pole-drama", "mean": None, "values": [None, 0.4, 0.4]}
    poles = {
        "positive": lost,
        "negative": lost | {"arm": "pole-rest"},
        "distance": None,
        "seed_sd": None,
        "gate": "failed",
        "reason": "a run of pole-drama diverged",
    }
    change(study, poles={fake_study.AXIS: poles})
    read = read_study(study)
    assert (read.scale.zero, read.scale.unit, read.scale.label) == (0.0, 1.0, "bits per byte")
    assert "for want of measured poles" in Outline(render(read, with_text=True)).text


def test_what_not_every_study_has_is_shown_where_it_is_there(study: Path) -> None:
    record = fake_study.findings()
    contrast = {**record["contrasts"][0], "axis": "chat"}
    hypothesis = {"text": fake_study.HOSTILE, "answer": "unresolved", "reason": "three seeds"}
    change(
        study,
        hypotheses=[hypothesis],
        half_lives=[half_life(answer="longer than measured", reason="half is left")],
        interpretation={
            "first": "drama",
            "other": "report",
            "next": "chat",
            "contrasts": [contrast],
            "scenes": [{"schedule": "constant", "scene": "c/1", "kind": "chat", "difference": 0.2}],
            "sentences": ["Constant rate, before chat: no figure."],
        },
        doses={"contrasts": [contrast], "sentences": ["Constant rate, F against S: no dose."]},
        exploratory={
            "omnibus": [],
            "order_spreads": [
                {
                    "what": "held-out bits per byte, constant",
                    "ratio": 0.11,
                    "low": 0.0,
                    "high": 0.93,
                    "num_orders": 8,
                    "num_seeds": 3,
                    "reason": "",
                }
            ],
        },
    )
    page = Outline(render(read_study(study), with_text=True))
    further = ["hypotheses", "fading", "interpretation", "doses", "explored"]
    assert [name for name in page.sections if name in further] == further
    for said in (
        fake_study.HOSTILE,
        "longer than measured",
        "Constant rate, before chat: no figure.",
        "Scenes of chat that are read most differently",
        "Constant rate, F against S: no dose.",
        "8 random orders × 3 seeds",
        "0.00\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.93",
    ):
        assert said in page.text


def test_a_study_without_samples_shuffles_or_washout_still_has_a_page(study: Path) -> None:
    for name, keep in (
        ("samples", pl.lit(False)),
        ("findings", (pl.col("arm") != "S") & (pl.col("stage") == "life")),
        ("ribbons", pl.col("arm") == "F"),
    ):
        file = study / f"{name}.parquet"
        pl.read_parquet(file).filter(keep).write_parquet(file)
    change(study, washout=None)
    page = write_page(study).read_text(encoding="utf-8")
    assert "No samples were drawn." in page
    assert "ribbon-1" not in data_block(page, "charts")["specs"]
    picture(study)


def test_charts_use_only_declared_colours_and_hold_the_figures(page: str) -> None:
    specs = data_block(page, "charts")["specs"]
    used = set(re.findall(r"var\(--([\w-]+)\)", json.dumps(specs)))
    assert used <= set(COLOURS)
    assert not re.search(r"#[0-9a-fA-F]{6}\b", json.dumps(specs))
    dots = json.dumps(specs["dots-0"])
    for arm in fake_study.ARMS:
        assert dots.count(f'"arm": "{arm}"') == len(fake_study.SEEDS)


def test_a_life_that_ended_early_has_no_end(study: Path) -> None:
    file = study / "findings.parquet"
    frame = pl.read_parquet(file)
    died = pl.col("run") == "F-constant-s0"
    early = frame.filter(died, pl.col("age") == 0.4).with_columns(scope=pl.lit("whole"))
    pl.concat([frame.filter(~died | (pl.col("age") < 0.4)), early]).write_parquet(file)
    fake_study.reseal(study)
    read = read_study(study)
    assert "F-constant-s0" not in read.ends["run"]
    assert "F-constant-s1" in read.ends["run"]


def test_a_position_is_the_share_of_the_way_between_the_poles(whole: Path) -> None:
    character = read_study(whole).character.filter(pl.col("age") == 1.0)
    means = dict(
        character.filter(pl.col("schedule") == "constant", pl.col("stage") == "life")
        .group_by("arm")
        .agg(pl.col("position").mean())
        .iter_rows()
    )
    assert means["pole-technical"] == pytest.approx(0.0, abs=1e-9)
    assert means["pole-drama"] == pytest.approx(1.0, abs=1e-9)
    assert means["F"] < 0.2
    assert means["L"] > 0.8


def test_a_run_that_diverged_has_no_dot_and_is_named(study: Path) -> None:
    file = study / "findings.parquet"
    is_lost = (pl.col("run") == "L-steep-s2") & (pl.col("age") > 0.4)
    value = pl.when(is_lost).then(float("nan")).otherwise("value")
    pl.read_parquet(file).with_columns(value=value).write_parquet(file)
    change(study, diverged=["L-steep-s2"])
    page = render(read_study(study), with_text=True)
    dots = json.dumps(data_block(page, "charts")["specs"]["dots-1"])
    assert [dots.count(f'"arm": "{arm}"') for arm in ("F", "L", "S")] == [3, 2, 3]
    assert "because they diverged: L-steep-s2." in Outline(page).text


def test_kinds_beyond_the_palette_share_one_colour(study: Path) -> None:
    names = [f"kind {i:02d}" for i in range(11)]
    ribbons = pl.read_parquet(study / "ribbons.parquet")
    more = [{"arm": "S", "seed": 9, "bin": 0, "kind": name, "share": 0.1} for name in names]
    pl.concat([ribbons, pl.DataFrame(more)]).write_parquet(study / "ribbons.parquet")
    fake_study.reseal(study)
    colours = kind_colours(read_study(study))
    assert list(colours)[:3] == ["drama", "technical", "chat"]
    assert list(colours)[-1] == "other kinds"
    assert len(set(colours.values())) == MAX_KINDS + 1


def test_the_picture_stands_alone_in_light_and_in_dark(whole: Path) -> None:
    drawn = picture(whole)
    assert drawn.startswith("<svg")
    assert "var(" not in drawn
    assert f'fill="{COLOURS["paper"][0]}"' in drawn
    assert "prefers-color-scheme:dark" in drawn
    assert f'[fill="{COLOURS["arm-F"][0]}"]{{fill:{COLOURS["arm-F"][1]}}}' in drawn
    assert "raised on drama only" in drawn
    assert re.findall(r'(?:href|src)="', drawn) == []


def test_a_light_colour_names_one_dark_colour() -> None:
    light = [pair[0] for pair in COLOURS.values()]
    assert len(set(light)) == len(light)


# What is refused


DERIVED = ("findings.json", "findings.parquet", "samples.parquet", "ribbons.parquet")


def remove(name: str) -> Callable[[Path], None]:
    return lambda study: (study / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    def half(study: Path) -> None:
        content = (study / name).read_bytes()
        (study / name).write_bytes(content[: len(content) // 2])

    return half


def flip(name: str) -> Callable[[Path], None]:
    """Another byte in the middle: Parquet may read it as another number."""

    def other(study: Path) -> None:
        content = bytearray((study / name).read_bytes())
        content[len(content) // 2] ^= 1
        (study / name).write_bytes(content)

    return other


def drop_column(name: str, column: str) -> Callable[[Path], None]:
    def drop(study: Path) -> None:
        pl.read_parquet(study / name).drop(column).write_parquet(study / name)
        fake_study.reseal(study)

    return drop


def edit_design(study: Path) -> None:
    file = study / "study.json"
    write_json(file, read_json(file) | {"digest": "d6" * 32})


def rename_axis(study: Path) -> None:
    change(study, axis="poetry–technical")


def forget_schedule(study: Path) -> None:
    schedules = fake_study.findings()["schedules"]
    del schedules["steep"]
    change(study, schedules=schedules)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        *((remove(name), name) for name in ("study.json", "findings.json", "samples.parquet")),
        *((cut(name), name) for name in ("study.json", "findings.parquet", "ribbons.parquet")),
        *((flip(name), f"{name}: is damaged") for name in DERIVED),
        (remove("concluded.json"), "has findings without digests"),
        (cut("concluded.json"), "concluded.json"),
        (drop_column("findings.parquet", "subject"), "subject"),
        (edit_design, "study.json: is another design than the findings are of"),
        (rename_axis, "holds no style_margin of the axis 'poetry–technical'"),
        (forget_schedule, "'steep'"),
    ],
)
def test_a_damaged_study_is_refused_by_name(
    study: Path, damage: Callable[[Path], None], told: str
) -> None:
    damage(study)
    for use in (write_page, picture, lambda folder: biography(folder, "F-constant-s0")):
        with pytest.raises(ArtefactError, match=re.escape(told)):
            use(study)
    assert not (study / "report.html").exists()


def test_what_is_derived_is_made_anew_from_the_runs(pico_copy: Path) -> None:
    flip("findings.parquet")(pico_copy)
    for use in (write_page, open_findings, figures_of):
        with pytest.raises(ArtefactError, match=r"findings\.parquet: is damaged") as caught:
            use(pico_copy)
        assert "run the study again" in str(caught.value)
    conclude(Design.open(pico_copy))
    assert write_page(pico_copy).exists()


def test_a_study_is_not_concluded_while_its_tables_are_written(
    pico_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(findings_module, "ribbons", killed)
    with pytest.raises(KeyboardInterrupt):
        conclude(Design.open(pico_copy))
    with pytest.raises(ArtefactError, match=r"concluded\.json is missing"):
        write_page(pico_copy)


def test_a_missing_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="is not a folder"):
        write_page(tmp_path / "nowhere")


def test_everything_wrong_is_told_at_once(study: Path) -> None:
    (study / "samples.parquet").unlink()
    change(study, seeds=[], primary=7)
    with pytest.raises(ArtefactError) as caught:
        write_page(study)
    told = str(caught.value)
    assert all(word in told for word in ("samples.parquet", "seeds", "primary"))


# Biography


def test_a_biography_tells_what_was_read_and_what_it_did(whole: Path) -> None:
    life = biography(whole, "F-constant-s1")
    assert (life.arm, life.schedule, life.seed) == ("F", "constant", 1)
    told = [(m.stage, m.age) for m in life.moments]
    assert told == [(stage, age) for stage in ("life", "washout") for age in fake_study.AGES]
    first, fourth = life.moments[0], life.moments[3]
    assert first.read == {"drama": pytest.approx(1.0)}
    assert fourth.read == {
        "chat": pytest.approx(0.375),  # 0.25–0.40 of 0.20–0.40, half of it chat
        "report": pytest.approx(0.375),
        "drama": pytest.approx(0.25),
    }
    in_life = [m for m in life.moments if m.stage == "life"]
    assert sum(m.learning or 0 for m in in_life) == pytest.approx(1.0)
    assert first.position is not None
    assert first.position > 0.8
    assert in_life[-1].answer is not None
    assert in_life[-1].answer.opening == fake_study.OPENINGS[0]
    assert life.moments[-1].read == {}
    assert life.turning_point in in_life


def test_a_steep_life_learns_at_its_start(whole: Path) -> None:
    constant = biography(whole, "F-constant-s0").moments
    steep = biography(whole, "F-steep-s0").moments
    assert constant[2].learning == pytest.approx(0.1)
    assert sum(m.learning or 0 for m in steep[:3]) > 0.75


def test_the_lines_of_a_biography(whole: Path) -> None:
    lines = biography(whole, "L-steep-s0").lines()
    assert lines[0] == ("L-steep-s0: technical first, drama last, steep learning rate, seed 0")
    assert lines[1].startswith("age 0.05: read technical 100%; ")
    assert lines[1].endswith("3.65 bits/byte")
    assert sum("its largest change" in line for line in lines) == 1
    without = biography(whole, "L-steep-s0").lines(with_text=False)
    assert len(without) == 1 + 2 * len(fake_study.AGES)
    assert not any(fake_study.OPENINGS[0] in line for line in without)


def test_no_control_character_leaves_a_line(study: Path) -> None:
    file = study / "samples.parquet"
    hostile = pl.lit("\x1b[2J\x07 one\ntwo \u202e three")
    pl.read_parquet(file).with_columns(text=hostile).write_parquet(file)
    fake_study.reseal(study)
    lines = biography(study, "F-constant-s0").lines()
    assert all(line.isprintable() for line in lines)


def test_a_pole_has_a_biography_without_a_ribbon_too(whole: Path) -> None:
    life = biography(whole, "pole-technical-steep-s2")
    assert life.description == "raised on technical only"
    assert life.moments[0].read == {}


def test_an_unknown_run_names_the_known_ones(whole: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'F-constant-s0'"):
        biography(whole, "F-constnat-s0")


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.number(0.314), "0.31"),
        (words.number(-0.314, sign=True), "−0.31"),
        (words.number(0.314, sign=True), "+0.31"),
        (words.number(-0.001, sign=True), "0.00"),
        (words.number(None), "–"),
        (words.number(float("nan")), "–"),
        (words.interval(None, 0.2), "–"),
        (words.p_value(0.25), "0.25"),
        (words.p_value(0.0078125), "0.0078"),
        (words.p_value(0.0001), "< 0.001"),
        (words.percent(0.68), "68%"),
        (words.percent(0.001), "0.1%"),
        (words.count(298_496), "298 thousand"),
        (words.count(1_300_000), "1.3 million"),
        (words.count(960), "960"),
        (words.age(0.5, "washout"), "washout 0.50"),
        (words.figure(True), "yes"),
        (words.figure(0.96789), "0.968"),
    ],
)
def test_figures_read_like_words(text: str, expected: str) -> None:
    assert text == expected


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_reads_back_within_its_digits(value: float) -> None:
    read = float(words.number(value).replace("−", "-"))
    assert read == pytest.approx(value, abs=0.0051)


def test_the_door_of_the_room() -> None:
    assert all(hasattr(report, name) for name in report.__all__)
