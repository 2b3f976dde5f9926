"""Runs with a fault each, many killed as well: what they leave is whole, paid for once, and over.

Each run is the command itself in a process of its own, over a SkyPilot that lives in a folder.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.sky_module import FakeSky
from tests.launchers.faults.checks import check_end, check_left_alone, check_output, recover
from tests.launchers.faults.kinds import KINDS, local, undisturbed
from tests.launchers.faults.world import SECRET, World

RUNS = 200
RUNS_A_TEST = 20


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience in seconds instead of minutes."""
    for name, seconds in {
        "catalog.durable.BUSY_TIMEOUT_S": 0.4,
        "launchers.cost_cap.SETUP_TIMEOUT_S": 0.0,
        "launchers.local.TERMINATE_WAIT_S": 0.3,
        "launchers.sky_client.BILL_TIMEOUT_S": 0.5,
        "launchers.sky_client.CALL_TIMEOUT_S": 2.0,
        "launchers.sky_client.JOB_WAIT_S": 2.0,
        "launchers.sky_client.PROVISION_TIMEOUT_S": 2.0,
        "launchers.skypilot.LOG_END_S": 0.5,
        "launchers.skypilot.PROVISION_TIMEOUT_S": 2.0,
        "launchers.skypilot.RETRY_WAIT_S": 0.05,
        "launchers.skypilot.SUBMIT_TIMEOUT_S": 1.0,
        "launchers.skypilot.TEAR_DOWN_TIMEOUT_S": 1.0,
        "launchers.spending.RESERVE_SHARE": 0.5,
        "launchers.spending.RESERVE_S": 1e9,
        "planner.actions.calibration.ready.GRACE_S": 1.0,
    }.items():
        monkeypatch.setattr(name, seconds)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


Fault = Callable[[int], World]


@pytest.fixture(scope="module")
def usual_s() -> dict[bool, list[float]]:
    """How long runs take in which nothing goes wrong, rented and local."""
    return {False: [], True: []}


@pytest.fixture
def fault(
    quick: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    usual_s: dict[bool, list[float]],
) -> Fault:
    """Makes the run of a seed and looks at everything it left."""

    def run(seed: int, prepare: Callable[[World], None] | None = None) -> World:
        rng = random.Random(seed)
        folder = tmp_path / f"{seed}{'-' if prepare else ''}"
        (folder / "tmp").mkdir(parents=True)
        with monkeypatch.context() as patch:
            patch.setenv("PLANNER_DATA_DIR", str(folder / "data"))
            patch.setenv("SKY_RUNTIME_DIR", str(folder))
            patch.setattr("tempfile.tempdir", str(folder / "tmp"))
            patch.setattr(
                "launchers.benchmarks.bundle.executable", lambda _: folder / "planner_cnn_x.py"
            )
            cloud = FakeSky(folder / "cloud", "").install(patch)
            cloud.delay_s = rng.uniform(0.005, 0.04)
            world = World(cloud, folder, rng, usual_s, patch)
            (prepare or list(KINDS.values())[seed % len(KINDS)])(world)
            if prepare is None and not usual_s[world.is_local]:
                run(seed, local(undisturbed) if world.is_local else undisturbed)
            world.run()
            try:
                check_output(world)
                check_left_alone(world)
                if any(not record.state.is_end for record in world.records):
                    recover(world)
                check_end(world)
            except AssertionError as error:
                error.add_note(f"seed {seed}, ended with {world.code}, said:\n{world.output}")
                print(error, *error.__notes__)
                raise
        return world

    return run


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=list(KINDS))
def test_a_sample_of_faults_leaves_nothing_behind(fault: Fault, kind: int) -> None:
    fault(kind)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(len(KINDS), len(KINDS) + RUNS, RUNS_A_TEST))
def test_faults_leave_nothing_behind(fault: Fault, first: int, pytestconfig: pytest.Config) -> None:
    first += pytestconfig.getoption("--seed-offset")
    worlds = [fault(seed) for seed in range(first, first + RUNS_A_TEST)]
    killed = sum(world.was_killed for world in worlds)
    stored = sum(world.code == 0 for world in worlds)
    states = Counter(world.killed_in for world in worlds if world.was_killed)
    print(f"{killed} killed, {stored} measured, {len(worlds) - killed - stored} failed")
    print(", ".join(f"{number} in {state}" for state, number in states.items()))
    assert killed
    assert stored
