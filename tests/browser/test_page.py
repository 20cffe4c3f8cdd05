"""The page in a real browser: Debian's chromium, offline, wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import fake_study
import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from upbringing.report import picture, write_page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Visit:
    """An opened page and what it did behind the reader's back."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: run tests/install-chromium.sh", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_study.build(tmp_path_factory.mktemp("browser") / "study")


@pytest.fixture(scope="module")
def file(study: Path) -> Path:
    return write_page(study)


def visit(
    browser: Browser,
    file: Path,
    *,
    width: int = 1000,
    scheme: Literal["light", "dark"] = "light",
) -> Visit:
    """Open the file with every other request counted and refused, and wait for its charts."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    visit = Visit(page)

    def refuse(route: Route) -> None:
        if route.request.url == file.as_uri():
            route.continue_()
        else:
            visit.requests.append(route.request.url)
            route.abort()

    page.route("**/*", refuse)
    page.on("console", lambda message: visit.complaints.append(message.text))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
    page.goto(file.as_uri())
    num_charts = page.locator(".chart").count()
    page.wait_for_function(
        f"document.querySelectorAll('.chart > svg, .chart .marks').length >= {num_charts}"
    )
    return visit


@pytest.fixture(scope="module")
def wide(browser: Browser, file: Path) -> Visit:
    return visit(browser, file)


def minds(page: Page) -> list[str]:
    return page.locator(".mind").all_inner_texts()


def test_the_page_draws_every_chart_without_a_word_or_a_request(wide: Visit) -> None:
    assert wide.page.locator(".chart svg").count() == 2 * 3 + 3
    assert wide.requests == []
    assert wide.complaints == []


def test_the_policy_stops_what_a_hostile_text_would_start(browser: Browser, file: Path) -> None:
    opened = visit(browser, file)
    opened.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend',"
        " '<img src=https://example.org/x onerror=alert(1)>')"
    )
    opened.page.evaluate("fetch('https://example.org/').catch(() => null)")
    assert opened.requests == []
    refused = [text for text in opened.complaints if "Content Security Policy" in text]
    assert len(refused) >= 2
    opened.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
def test_nothing_sticks_out_sideways(
    browser: Browser, file: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    opened = visit(browser, file, width=width, scheme=scheme)
    page = opened.page
    page.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ends = page.evaluate(
        "[...document.querySelectorAll('.chart svg')].map((s) => s.getBoundingClientRect().right)"
    )
    assert max(ends) <= width
    page.close()


def test_intervals_are_drawn_on_a_phone_too(browser: Browser, file: Path) -> None:
    opened = visit(browser, file, width=360)
    drawn = opened.page.locator("td.whiskers svg").first
    assert drawn.is_visible()
    box = drawn.bounding_box()
    assert box
    assert box["width"] > 40
    opened.page.close()


def test_what_the_slider_goes_through_lies_under_its_steps(wide: Visit) -> None:
    """Of four steps the last is the washout: it begins between the third and the fourth."""
    slider, washout = (
        wide.page.locator(name).bounding_box()
        for name in ("#sample-age", ".stages span:last-child")
    )
    assert slider
    assert washout
    third, fourth = (slider["x"] + 8 + (slider["width"] - 16) * step / 3 for step in (2, 3))
    assert third < washout["x"] < fourth
    assert washout["x"] + washout["width"] == pytest.approx(fourth, abs=1)


def luminance(page: Page, selector: str, prop: str) -> float:
    colour: str = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{prop}")
    red, green, blue = (int(part) for part in colour.strip("rgb()").split(","))
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def test_charts_and_text_turn_with_the_colour_scheme(browser: Browser, file: Path) -> None:
    opened = visit(browser, file)
    seen = {}
    for scheme in ("light", "dark"):
        opened.page.emulate_media(color_scheme=scheme)
        seen[scheme] = [
            luminance(opened.page, "html", "backgroundColor"),
            luminance(opened.page, ".answer p", "color"),
            luminance(opened.page, "#dots-0 svg .role-title text", "fill"),
        ]
    ground, text, title = seen["light"]
    assert (ground > 0.9, text < 0.2, title < 0.2) == (True, True, True)
    ground, text, title = seen["dark"]
    assert (ground < 0.15, text > 0.8, title > 0.8) == (True, True, True)
    opened.page.close()


def test_the_slider_moves_every_mind_through_its_life(wide: Visit) -> None:
    page = wide.page
    slider = page.get_by_label("Move through life")
    slider.focus()
    page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "age 0.05"
    young = minds(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    grown = minds(page)
    assert page.locator("#sample-age-shown").inner_text() == "age 1.00"
    assert len(young) == len(grown) == 5
    assert "[F-constant-s0 at 0.05]" in young[0]
    assert "[F-constant-s0 at 1.0]" in grown[0]
    page.keyboard.press("ArrowRight")
    assert "[F-constant-s0-washout at 1.0]" in minds(page)[0]
    assert "No sample was drawn here." in minds(page)[3]  # a pole has no washout


def test_schedule_seed_and_opening_are_chosen_by_name(wide: Visit) -> None:
    page = wide.page
    page.get_by_label("Move through life").fill("2")
    page.get_by_label("Learning rate", exact=True).select_option("steep")
    page.get_by_label("Seed", exact=True).select_option("2")
    assert "[L-steep-s2 at 1.0]" in minds(page)[1]
    page.get_by_label("Opening").select_option(fake_study.OPENINGS[2])
    assert f"{fake_study.OPENINGS[2]} {fake_study.RUSSIAN}. L-steep-s2" in minds(page)[1]
    assert not page.get_by_label("Sampler seed").is_visible()  # there is only one


def test_a_hostile_sample_is_shown_as_the_text_it_is(wide: Visit) -> None:
    page = wide.page
    page.get_by_label("Opening").select_option(fake_study.OPENINGS[1])
    assert all(fake_study.HOSTILE in text for text in minds(page))
    assert page.locator("img").count() == 0
    assert wide.complaints == []


def test_a_page_without_text_works_too(browser: Browser, study: Path, tmp_path: Path) -> None:
    file = write_page(study, with_text=False).rename(tmp_path / "quiet.html")
    write_page(study)
    opened = visit(browser, file)
    assert opened.page.locator(".mind").count() == 0
    assert opened.page.locator("#samples").inner_text().count("without text") == 1
    assert opened.complaints == []
    opened.page.close()


def test_the_picture_opens_as_an_image(browser: Browser, study: Path, tmp_path: Path) -> None:
    file = tmp_path / "picture.svg"
    file.write_text(picture(study), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    assert page.locator("parsererror").count() == 0
    assert page.locator("text").filter(has_text="drama first").count() > 0
    page.close()
