"""What is seen of a refresh while it runs and when it ends, and what it leaves in the log."""

from __future__ import annotations

import io
import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.integrity import Effect, Finding
from catalog.refresh import Outcome, Report, Status, Task
from catalog.rejects_log import LoggedReject, RejectsLog
from catalog.sources.base import Reject
from planner.cli.catalog import app
from planner.cli.refresh_tables import print_report, shown
from tests.fakes.aws import FakeAws, ec2_error

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def outcome(region: str, status: Status = Status.PUBLISHED, **changed: object) -> Outcome:
    reason = "" if status is Status.PUBLISHED else "no answer"
    values: dict[str, object] = {
        "task": Task("aws", region, "spot"),
        "status": status,
        "seconds": 1.0,
        "reason": reason,
        "remedy": "try again" if reason else "",
        "rows": 3,
        "rejects": (Reject("z9.huge", "no facts"),),
        "findings": (Finding("price", Effect.ROW, "row 4 (a.1)", "price 0 is not positive"),),
    }
    return Outcome(**{**values, **changed})  # type: ignore[arg-type]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_and_what_went_wrong_above_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with shown(quiet=False) as seen:
        seen.started(2)
        seen.progress(outcome("us-east-1"))
        seen.progress(outcome("us-east-2", Status.KEPT))
    written = terminal.getvalue()
    assert "2/2" in written
    assert "aws us-east-2 spot: kept last good: no answer; try again" in written
    assert "published" not in written


def test_a_pipe_shows_a_line_a_slice_and_quiet_shows_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for quiet, lines in ((False, 2), (True, 0)):
        with shown(quiet=quiet) as seen:
            seen.started(2)
            seen.progress(outcome("us-east-1"))
            seen.progress(outcome("us-east-2", Status.FAILED))
        assert len(capsys.readouterr().err.splitlines()) == lines
        assert seen.interrupted == "1 of 2 slices published; the others are as they were"


def test_many_slices_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [outcome(f"r-{n}") for n in range(30)] + [outcome("r-30", Status.KEPT)]
    print_report(Report(tuple(outcomes), (), 3.0), name_rejects=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["aws", "spot", "30", "1", "0", "93", "0", "62", "1.0"]
    assert lines[2].strip() == "aws spot: left out 31: no facts"
    print_report(Report(tuple(outcomes), (), 3.0), name_rejects=True)
    assert capsys.readouterr().out.count("left out z9.huge: no facts") == 31


def test_rejects_are_logged_with_reason(
    aws: FakeAws, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.closed_regions["us-east-1"] = ec2_error("AuthFailure", status=401)
    arguments = [
        "refresh",
        "--only",
        "aws",
        "--regions",
        "us-east-1,me-central-1",
        "--kinds",
        "on_demand",
    ]
    assert app(args=arguments, prog_name="catalog", standalone_mode=False) == 1
    log = RejectsLog(own_cache)
    assert str(log.path) in capsys.readouterr().err
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    rows = list(log.read())
    assert {row["reason"] for row in rows if row["what"] == "z9.huge"} == {
        "no facts about accelerator 'Z9000'"
    }
    (failed,) = (row for row in rows if not row["what"])
    assert failed["region"] == "us-east-1"
    assert "not enabled" in failed["reason"]


def test_a_full_log_is_rotated_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.rejects_log.FULL_AT_BYTES", 200)
    log = RejectsLog(tmp_path)
    for number in range(12):
        log.append(NOW, [LoggedReject("aws", "r", "spot", f"m{number}", "x" * 1000)])
    assert len(list(tmp_path.iterdir())) == 3
    assert [row["what"] for row in log.read()] == ["m9", "m10", "m11"]
    assert max(len(row["reason"]) for row in log.read()) == 300


def test_a_line_that_a_kill_cut_short_hides_no_other(tmp_path: Path) -> None:
    log = RejectsLog(tmp_path)
    log.append(NOW, [LoggedReject("aws", "r", "spot", "a\nb\x1b[31m", "why")])
    assert "\x1b" not in log.path.read_text()
    assert len(log.path.read_text().splitlines()) == 1
    with log.path.open("a") as file:
        file.write('{"at": "20\n')
        file.write(json.dumps({"what": "later"}) + "\n")
    assert [row["what"] for row in log.read()] == ["a\nb\x1b[31m", "later"]
