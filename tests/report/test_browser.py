"""Reports in a real browser: headless Chromium, which tells of errors and of every request."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from planner.actions.hardware.compare import compare_hardware
from planner.actions.hardware.facts import Facts
from planner.actions.report.benchmark import benchmark
from planner.actions.session import Session, workload_from
from planner.report.html import to_html
from planner.report.pages.rendered import document_of
from planner.results.capacity import CapacityFront
from planner.results.study import CapacityStudy, ComparisonStudy, MixStudy, PortfolioStudy, Study
from planner.results.sweep import Sweep
from tests.planner.conftest import LORA, ROOT
from tests.report.test_plan_report import hostile

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
BROWSERS_OWN = "not an origin"
# What a page may not do shows on the console with these words.
ERRORS = re.compile(r"CONSOLE.*(?:Refused|Uncaught|rror|violat)", re.IGNORECASE)


def opened(page: Path, folder: Path, *flags: str) -> tuple[str, str, set[str]]:
    """What the browser prints, what it logs, and the addresses that were asked for."""
    assert BROWSER is not None
    log = folder / "net.json"
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            "--disable-background-networking", "--disable-component-update", "--no-first-run",
            "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
            "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--log-net-log={log}", *flags,
            page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [event.get("params") or {} for event in json.loads(log.read_text())["events"]]
    # what the browser asks for itself (updates, the time) has no origin as its initiator
    asked = {
        str(event["url"])
        for event in events
        if event.get("initiator", BROWSERS_OWN) != BROWSERS_OWN
        and not str(event.get("url", "file:")).startswith(("file:", "data:"))
    }
    return done.stdout, done.stderr, asked


@pytest.fixture(scope="module")
def pages(
    study: Study,
    several: PortfolioStudy,
    sides: ComparisonStudy,
    mixed: MixStudy,
    year: CapacityStudy,
    swept: Sweep,
    less_carbon: CapacityFront,
    session: Session,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with a report of each kind, and a page that shows all of them in frames."""
    folder = tmp_path_factory.mktemp("pages")
    workload, where = workload_from(str(ROOT / "examples" / "gpu-vs-tpu.yaml"), None, {}, {})
    names = ["H100-80GB", "TPU-v5p"]
    assert year.break_even is not None
    found = {
        "plan": study,
        "portfolio": several,
        "sides": sides,
        "mix": mixed,
        "mix-front": mixed.fronts[0],
        "year": year,
        "break-even": year.break_even,
        "less-carbon": less_carbon,
        "sweep": swept,
        "estimate": session.estimate(workload, "H100-80GB:8", where=where),
        "front": session.front_from(str(LORA), None, {}, {}),
        "device": Facts(session.catalog).sheet("H100-80GB"),
        "hostile": hostile(study),
        "cnn": benchmark("cnn", session),
        "transformer": benchmark("transformer", session),
        "hardware": compare_hardware(
            names, session.catalog, workload, axes=["deadline"], where=where
        ),
    }
    for name, result in found.items():
        page = to_html(document_of(result, file=f"{name}.json", made="Made by a test."))
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    frames = "".join(f'<iframe src="{name}.html" width=900 height=900></iframe>' for name in found)
    (folder / "all.html").write_text(f"<!doctype html><title>all</title>{frames}")
    return folder


def test_every_report_opens_without_error_or_request(pages: Path, tmp_path: Path) -> None:
    shot = tmp_path / "all.png"
    _, log, asked = opened(pages / "all.html", tmp_path, f"--screenshot={shot}")
    assert not ERRORS.search(log), log
    assert asked == set()
    assert shot.stat().st_size > 20_000  # drawn, not blank


def test_hostile_names_are_text_to_a_browser(pages: Path, tmp_path: Path) -> None:
    dom, log, asked = opened(pages / "hostile.html", tmp_path, "--dump-dom")
    assert not ERRORS.search(log) and asked == set()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ]]&gt;" in dom
    assert "<script" not in dom and "<img" not in dom
    assert dom.count("<svg") == 5 and dom.count("<table") > 5


def test_a_page_that_does_ask_and_fail_is_noticed(tmp_path: Path) -> None:
    """The checks above can fail."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><img src='https://example.invalid/x.png'>"
        "<script>throw new Error('broken')</script>"
    )
    _, log, asked = opened(bad, tmp_path, "--dump-dom")
    assert "https://example.invalid/x.png" in asked
    assert ERRORS.search(log)


def test_policy_stops_what_a_name_could_smuggle_in(pages: Path, tmp_path: Path) -> None:
    """Were something not escaped, the page's own policy would still stop it."""
    page = (pages / "plan.html").read_text(encoding="utf-8")
    smuggled = "<main><script>document.title='owned'</script><img src='https://example.invalid/y'>"
    bad = tmp_path / "bad.html"
    bad.write_text(page.replace("<main>", smuggled, 1), encoding="utf-8")
    dom, log, asked = opened(bad, tmp_path, "--dump-dom")
    assert "<title>owned" not in dom and asked == set()
    assert ERRORS.search(log)
