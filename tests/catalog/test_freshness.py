"""The age of prices: seen, refused past a limit, refreshed first; and costs in other currencies."""

from __future__ import annotations

import json
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from catalog.exchange_rates import PATH, fetch_rates, kept_rates, parse_ecb, rates_path
from catalog.refreshed import Slice, write_slice
from catalog.sources.aws_rows import option_row
from catalog.sources.base import FetchFailed
from planner.cli import main
from tests.fakes.aws import FakeAws, ec2_error
from tests.fakes.server import FakeServer, Fault, text_reply

Capture = pytest.CaptureFixture[str]
REGION = "me-central-1"
ASK = (
    "recommend", "--finetune", "lora", "--model", "llama-3.1-8b", "--tokens", "50M",
    "--cloud", "aws", "--region", REGION, "--purchase", "on_demand", "--quiet",
)  # fmt: skip
FEED = """<?xml version="1.0"?><gesmes:Envelope><Cube><Cube time='2026-11-24'>
<Cube currency='USD' rate='1.0870'/><Cube currency='JPY' rate='163.05'/>
<Cube currency='GBP' rate='0.8330'/></Cube></Cube></gesmes:Envelope>"""


def ask(capsys: Capture, *more: str) -> tuple[int, str, str]:
    code = main.run([*ASK, *more])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def publish(cache: Path, at: datetime) -> None:
    row = option_row("p5en.48xlarge", REGION, "on_demand", 60.0)
    write_slice(
        cache / "refreshed", Slice("aws", "aws", REGION, "on_demand", at, "test", (), (row,))
    )


def test_too_old_a_price_is_refused_with_remedy(own_cache: Path, capsys: Capture) -> None:
    code, out, err = ask(capsys, "--max-age", "7d")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "days old, 7d allowed; add --refresh" in err
    publish(own_cache, datetime.now(UTC))
    code, out, err = ask(capsys, "--max-age", "7d", "--format", "json")
    assert code == 0
    price = json.loads(out)["recommendation"]["price"]
    assert (price["age_days"], price["layer"]) == (0, "refreshed")
    publish(own_cache, datetime(2026, 1, 1, tzinfo=UTC))
    assert ask(capsys, "--max-age", "7d")[0] == 2
    assert ask(capsys, "--max-age", "10y")[0] == 0


@pytest.mark.parametrize(
    ("cloud", "told"),
    [("verda", "planner catalog refresh --only skypilot"), ("crusoe", "no source of crusoe")],
)
def test_the_remedy_names_a_source_that_exists(capsys: Capture, cloud: str, told: str) -> None:
    elsewhere = [word for word in ASK if word not in ("--region", REGION)]
    asked = [cloud if word == "aws" else word for word in elsewhere]
    code = main.run([*asked, "--max-age", "1d"])
    err = capsys.readouterr().err
    assert code == 2
    assert told in err
    assert f"--only {cloud}" not in err


@pytest.mark.parametrize("age", ["soon", "7", "-1d", ""])
def test_a_wrong_age_is_bad_input(own_cache: Path, capsys: Capture, age: str) -> None:
    code, _, err = ask(capsys, "--max-age", age)
    assert code == 2
    assert "--max-age" in err


def test_refresh_fetches_first_and_the_answer_says_so(
    aws: FakeAws, own_cache: Path, capsys: Capture
) -> None:
    code, out, _ = ask(capsys, "--max-age", "7d", "--refresh", "--format", "json")
    assert code == 0
    found = json.loads(out)
    assert found["recommendation"]["price"]["layer"] == "refreshed"
    assert "price refreshed, 0 days old" in found["headline"]
    assert any("refreshed" in line for line in found["explanation"])
    assert found["catalog"]["refreshed_slices"] >= 1
    asked = len(aws.calls)
    assert ask(capsys, "--max-age", "7d", "--refresh")[0] == 0
    assert len(aws.calls) == asked, "fresh enough: nothing is asked again"


def test_a_refresh_that_fails_leaves_the_refusal(
    aws: FakeAws, own_cache: Path, capsys: Capture
) -> None:
    aws.closed_regions[REGION] = ec2_error("AuthFailure", status=401)
    code, _, err = ask(capsys, "--max-age", "7d", "--refresh")
    assert code == 2
    assert "7d allowed" in err


@pytest.fixture
def ecb(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> FakeServer:
    with FakeServer() as server:
        server.route("GET", PATH, lambda _: text_reply(FEED, content_type="text/xml"))
        monkeypatch.setenv("PLANNER_ENDPOINT_ECB", server.url)
        yield server  # type: ignore[misc]


def test_rates_are_dated_and_per_dollar(ecb: FakeServer, capsys: Capture) -> None:
    assert main.run(["catalog", "rates"]) == 0
    assert "no rates yet" in capsys.readouterr().err
    assert main.run(["catalog", "rates", "--refresh", "--format", "json"]) == 0
    rows = {r["currency"]: r for r in json.loads(capsys.readouterr().out)["rates"]}
    assert rows["EUR"]["per_usd"] == pytest.approx(1 / 1.087)
    assert rows["JPY"]["per_usd"] == pytest.approx(150.0)
    assert rows["EUR"]["as_of"] == "2026-11-24"
    assert stat.S_IMODE(rates_path().stat().st_mode) == 0o600
    assert kept_rates()["GBP"].as_of == date(2026, 11, 24)


def test_costs_are_shown_in_another_currency_with_rate_and_day(
    ecb: FakeServer, capsys: Capture
) -> None:
    fetch_rates()
    code, out, _ = ask(capsys, "--currency", "eur", "--format", "json")
    assert code == 0
    found = json.loads(out)
    display, cost = found["display"], found["recommendation"]["cost_usd"]
    assert display["cost"] == pytest.approx(cost / 1.087, abs=0.01)
    assert (display["rate_as_of"], display["rate_source"]) == ("2026-11-24", "ECB reference rate")
    code, out, _ = ask(capsys, "--currency", "CHF=0.8")
    assert code == 0
    assert "In CHF: " in out
    assert "assumes 0.8 CHF a USD, stated of" in out
    code, out, _ = ask(capsys, "--currency", "USD")
    assert code == 0
    assert "In USD" not in out


@pytest.mark.parametrize(
    ("currency", "said"),
    [("EUR", "no exchange rate"), ("euro", "no currency"), ("EUR=0", "no rate"),
     ("EUR=x", "no rate"), ("EUR=nan", "no rate")],
)  # fmt: skip
def test_currencies_without_a_rate_are_bad_input(
    own_cache: Path, capsys: Capture, currency: str, said: str
) -> None:
    code, _, err = ask(capsys, "--currency", currency)
    assert code == 2
    assert said in err


@pytest.mark.parametrize(
    "feed",
    [
        "",
        "<Cube time='2026-11-24'>",
        FEED.replace("1.0870", "0"),
        FEED.replace("2026-11-24", "2026-99-99"),
        FEED.replace("163.05", "9" * 19),
        "<!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 '&lol;&lol;'>]><Cube>&lol2;</Cube>",
    ],
)
def test_other_feeds_are_refused(feed: str) -> None:
    with pytest.raises(FetchFailed):
        parse_ecb(feed)


def test_a_feed_that_fails_keeps_the_old_rates(ecb: FakeServer, capsys: Capture) -> None:
    fetch_rates()
    ecb.queue(Fault.garbage())
    assert main.run(["catalog", "rates", "--refresh"]) == 1
    assert "ECB" in capsys.readouterr().err
    assert "EUR" in kept_rates()
