"""Refreshes with random faults, killed at random moments: what they leave is always whole."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.attributes import SNAPSHOT
from catalog.quotas import quotas_dir, read_quotas
from catalog.refreshed import read_slice, slice_files
from catalog.rejects_log import RejectsLog
from catalog.sources import open_source
from planner.cli import main
from tests.catalog.refresh_run import Runner
from tests.fakes.registry import REGIONS, Fake, clear_faults, fake_module, faked_sources, open_fake

RUNS = 500
RUNS_A_TEST = 50
SAMPLE = 6
DEADLINE_S = 4.0
KILLED_SHARE = 0.65
# A run that is neither killed nor done by then hangs.
LONGEST_RUN_S = DEADLINE_S + 20.0


@dataclass
class Runs:
    """The fakes, one cache that is refreshed again and again, and what became of it."""

    fakes: dict[str, Fake]
    cache: Path
    snapshot: Path
    runner: Runner
    killed: int = 0
    replaced: int = 0
    kept: int = 0
    faults: int = 0
    seconds: list[float] = field(default_factory=list)

    def run(self, seed: int) -> None:
        rng = random.Random(seed)
        names = sorted(rng.sample(sorted(self.fakes), min(2, len(self.fakes))))
        served = [rng.choice(self._served(name)) for name in names]
        # Vast's words come with its offers: none is known before a refresh, and so refused.
        words = {name: REGIONS.get(name, ("all",)) for name in served} | {"vast": ("all",)}
        regions = [rng.choice(words[name]) for name in served]
        kinds = sorted(
            {rng.choice(open_source(name).kinds) for name in served}
            | {"quotas" for name in served if open_source(name).has_quotas}
        )
        env: dict[str, str] = {"PLANNER_CACHE_DIR": str(self.cache)}
        for name, source in zip(names, served, strict=True):
            fake = self.fakes[name]
            clear_faults(fake)  # of a run that was killed
            fake.populate(list(REGIONS.get(source, ("all",))), seed % 5)
            if self.seconds and rng.random() < 0.6:
                # Some at once (they hit the login), some in the midst of a run.
                later_s = rng.choice((0.0, rng.uniform(0.0, self._usual_s())))
                threading.Timer(later_s, fake.fault, (seed,)).start()
                self.faults += 1
            env |= fake.env
        before = {path: path.read_bytes() for path in slice_files(self.cache / "refreshed")}
        start = datetime.now(UTC).replace(microsecond=0)
        is_killed = self._start_and_kill(env, served, regions, kinds, rng)
        self.killed += is_killed
        self._look(before, start, seed)

    def _usual_s(self) -> float:
        return sorted(self.seconds)[len(self.seconds) // 2]

    def _served(self, name: str) -> list[str]:
        return [s for s in faked_sources() if fake_module(s) == fake_module(name)]

    def _start_and_kill(
        self,
        env: dict[str, str],
        only: list[str],
        regions: list[str],
        kinds: list[str],
        rng: random.Random,
    ) -> bool:
        request = {
            "env": env, "snapshot": str(self.snapshot), "only": only, "regions": regions,
            "kinds": kinds, "deadline_s": DEADLINE_S,
        }  # fmt: skip
        begun = time.monotonic()
        pid = self.runner.start(request)
        kill_after_s = None
        if rng.random() < KILLED_SHARE and self.seconds:
            # Most moments within what a run takes; some after its end, some before its start.
            kill_after_s = rng.uniform(0.0, 1.3 * self._usual_s())
        code = self.runner.end(pid, kill_after_s, LONGEST_RUN_S)
        assert code in (0, -signal.SIGKILL), "the refresh hangs past its deadline, or fails"
        if code == 0 and kill_after_s is None:
            self.seconds.append(time.monotonic() - begun)
        return bool(code)

    def _look(self, before: dict[Path, bytes], start: datetime, seed: int) -> None:
        """Each slice is the old or a new one, the catalog opens, its check passes."""
        now = slice_files(self.cache / "refreshed")
        assert set(before) <= set(now), "a slice is gone"
        for path in now:
            part = read_slice(path)
            if path.read_bytes() == before.get(path):
                self.kept += 1
                continue
            assert part.fetched_at >= start, (seed, path.name)
            self.replaced += 1
        catalog = Catalog.open(self.cache)
        assert len(catalog.refreshed) == len(now)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert main.run(["catalog", "check", "--format", "csv", "--quiet"]) == 0, said
        read_quotas(quotas_dir())
        list(RejectsLog(self.cache).read())


@pytest.fixture(scope="module")
def bare_snapshot(small_snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot with one machine in each region of the fakes, which these do not have."""
    folder = tmp_path_factory.mktemp("bare") / "snapshot"
    shutil.copytree(small_snapshot, folder)
    for table in ("offers", "purchase_options"):
        header, *lines = (SNAPSHOT / f"{table}.csv").read_text(encoding="utf-8").splitlines()
        kept: dict[tuple[str, str], str] = {}
        for line in lines:
            cloud, region, _, machine, rest = line.split(",", 4)
            if any(region in REGIONS.get(name, ()) for name in REGIONS):
                kind = rest.partition(",")[0] if table == "purchase_options" else "on_demand"
                if kind == "on_demand":
                    kept.setdefault((cloud, region), line.replace(machine, "unsold", 1))
        text = "\n".join([header, *kept.values()]) + "\n"
        (folder / f"{table}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def runs(bare_snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    cache = tmp_path / "cache"
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(cache))
    monkeypatch.setattr("catalog.compiled.SNAPSHOT", bare_snapshot)
    with ExitStack() as stack:
        fakes = {
            name: stack.enter_context(open_fake(name))
            for name in {fake_module(name): name for name in faked_sources()}.values()
        }
        runner = stack.enter_context(Runner())
        yield Runs(fakes, cache, bare_snapshot, runner)


def test_a_sample_of_killed_refreshes_leaves_whole_catalogs(runs: Runs) -> None:
    for seed in range(SAMPLE):
        runs.run(seed)
    assert runs.killed
    assert runs.replaced, "no run got as far as publishing"


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(0, RUNS, RUNS_A_TEST))
def test_killed_refreshes_leave_whole_catalogs(runs: Runs, first: int) -> None:
    for seed in range(first, first + RUNS_A_TEST):
        runs.run(seed)
    print(
        f"{runs.killed} killed, {runs.replaced} slices replaced, {runs.kept} kept, "
        f"{runs.faults} with faults"
    )
    assert runs.killed > RUNS_A_TEST / 4
    assert runs.replaced >= RUNS_A_TEST / 10
    assert runs.kept > RUNS_A_TEST / 2
