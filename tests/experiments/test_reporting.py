"""The report: its files, and the page in a real browser."""

from __future__ import annotations

import base64
import csv
import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cortexc import experiments
from cortexc.experiments import evidence as records
from cortexc.experiments.planning import schedule
from cortexc.experiments.plots import plots
from cortexc.experiments.reporting import render, summary
from cortexc.experiments.results import results
from cortexc.main import main

HERE = Path(__file__).parents[2] / "cortexc" / "experiments"
pytestmark = pytest.mark.trains
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def report(experiment_file: Path, finished_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "here"
    words = ["experiment", "report", str(experiment_file), "--runs", str(finished_runs), "-o", str(out)]
    assert main(words) == 0
    return out


def test_tables_follow_from_the_published_evidence(report: Path, experiment_file: Path, finished_runs: Path) -> None:
    plan = schedule(experiments.load(experiment_file), "full", finished_runs)
    again = results(plan, records.load(report / "evidence.h5"))
    written = json.loads((report / "results.json").read_text())
    for arm, found in zip(written["arms"], again.arms, strict=True):
        for code, at in arm["measures"].items():
            assert at["value"] == pytest.approx(found.measures[code].value, abs=1e-12)
            assert (at["low"], at["high"]) == pytest.approx((found.measures[code].low, found.measures[code].high))
    rows = list(csv.DictReader((report / "table.csv").read_text().splitlines()))
    assert len(rows) == 3 * len(again.measures)
    cells = list(csv.DictReader((report / "cells.csv").read_text().splitlines()))
    assert len(cells) == 3 * 19 * 5


def test_the_report_can_be_rebuilt_from_the_evidence_alone(
    report: Path, experiment_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["experiment", "report", str(experiment_file), "--evidence", str(report / "evidence.h5")]
    assert main([*words, "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "table.csv").read_text() == (report / "table.csv").read_text()
    page, first = ((folder / "index.html").read_text() for folder in (tmp_path / "again", report))
    pictures = re.compile(r'<img src="(data:image/png[^"]+)"')
    assert pictures.findall(page) == pictures.findall(first) != []
    assert main([*words, "--plan", "tiny", "-o", str(tmp_path / "other")]) == 2
    assert "the evidence is of the plan `full`" in capsys.readouterr().err


def test_evidence_of_another_experiment_is_refused(
    report: Path, experiment_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text((experiment_file.parent / "small.yaml").read_text())
    changed = tmp_path / "experiment.yaml"
    for old, new, said in (
        ("heads: 4", "heads: 2", "dense-0: another spec"),
        ("batch_size: 256", "batch_size: 128", "dense-0: another recipe (batch size 256, now 128)"),
        ("seeds: [0, 1]", "seeds: [0, 1, 2]", "dense-2: no such run"),
        ("seeds: [0, 1]", "seeds: [0]", "a run that the plan does not have: dense, seed 1"),
    ):
        changed.write_text(experiment_file.read_text().replace(old, new))
        words = ["experiment", "report", str(changed), "--evidence", str(report / "evidence.h5")]
        assert main([*words, "-o", str(tmp_path / "out")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_page_says_what_the_seeds_are_worth(report: Path, experiment_file: Path, finished_runs: Path) -> None:
    page = (report / "index.html").read_text()
    assert "estimated with 3 degrees of freedom" in page
    assert f"cortexc experiment run {experiment_file}</code>" in page
    assert "2 seeds each" in page
    plan = schedule(experiments.load(experiment_file), "full", finished_runs)
    found = records.load(report / "evidence.h5")
    single = dataclasses.replace(plan, seeds=(0,))
    one = dataclasses.replace(found, runs=tuple(run for run in found.runs if run.seed != 1))
    outcome = results(single, one)
    assert outcome.freedom == 0
    assert "one seed" in summary(outcome)
    said = render(single, outcome, plots(outcome), one.rollouts, "e.yaml", ["cortexc"])
    assert "One seed: the intervals are over images alone" in said
    assert "1 seed each" in said


def test_unfinished_runs_are_named(experiment_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["experiment", "report", str(experiment_file), "--runs", str(tmp_path), "-o", str(tmp_path / "out")]
    assert main(words) == 2
    assert "8 of 8 runs are not finished" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_page_needs_nothing_else_and_shows_markup_as_text(report: Path) -> None:
    page = (report / "index.html").read_text()
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)""", page) == []
    assert "A test of &lt;everything&gt; &amp; more" in page
    assert page.count("<img ") == page.count(' alt="')
    assert "p under 0.0001" in page or ", p 0." in page or ", p 1." in page
    assert len(page) < 3_000_000


def test_its_colours_can_be_read() -> None:
    style = (HERE / "page.css").read_text()
    colours = dict(re.findall(r"--(\w+): (#\w+)", style))
    for name in ("ink", "soft", "good", "bad"):
        for paper in ("#ffffff", "#f4f6f8"):
            assert contrast(colours[name], paper) >= 4.5, name
    from cortexc.experiments.reporting import _shade

    for value in range(101):
        background, ink = re.findall(r"#\w+", _shade(value / 100))
        assert contrast(background, ink) >= 4.5, value


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2.2."""

    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if BROWSER is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver here")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for word in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):  # fmt: skip
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.mark.slow
def test_the_page_opens_in_a_browser_without_a_server(report: Path, browser: Any) -> None:
    browser.set_window_size(1200, 900)
    browser.get(f"file://{report / 'index.html'}")
    assert browser.title == "small-test: what the runs show"
    assert browser.get_log("browser") == []
    assert (
        browser.execute_script(
            "return performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length"
        )
        == 0
    )
    assert browser.execute_script("return [...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt)")
    assert browser.execute_script("return document.images.length") >= 4
    headings = browser.execute_script("return [...document.querySelectorAll('h2')].map(h => h.textContent)")
    assert headings[0] == "The claim"
    assert len(browser.execute_script("return [...document.querySelectorAll('#arms tbody tr')]")) == 3
    links = browser.execute_script(
        "return [...document.querySelectorAll('nav a')].every(a => document.querySelector(a.getAttribute('href')))"
    )
    assert links


@pytest.mark.slow
def test_the_page_can_be_read_on_a_phone_and_printed(report: Path, browser: Any) -> None:
    browser.get(f"file://{report / 'index.html'}")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )
    widths = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    small = browser.execute_script(
        "return [...document.querySelectorAll('p, li, td, th')]"
        ".filter(e => parseFloat(getComputedStyle(e).fontSize) < 11).length"
    )
    assert small == 0
    reachable = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0 && e.getAttribute('aria-label'))"
    )
    assert reachable
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000
