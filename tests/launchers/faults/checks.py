"""What must hold after a run, whatever went wrong: nothing lost, nothing left, a remedy named."""

from __future__ import annotations

import signal

from catalog.observations import OwnObservations
from launchers.ledger import RunState
from launchers.spool import Spool
from tests import forked
from tests.launchers.conftest import RESULT_LINE
from tests.launchers.faults.world import CAP_USD, LONGEST_RUN_S, SECRET, World

EXIT_CODES = {0, 1, 2, 4, 130}
# A polite kill before the command has looked at its arguments, or after its last word.
EARLY_OR_LATE = {-signal.SIGTERM, -signal.SIGHUP}


def check_output(world: World) -> None:
    """One clear last line with a remedy, and nothing that is nobody's business."""
    assert world.code is not None, "it hangs"
    assert world.was_killed or world.code in EXIT_CODES | EARLY_OR_LATE, world.output
    assert "Traceback" not in world.output
    assert "unexpected" not in world.output
    assert SECRET not in world.output
    if world.was_killed or world.code in {0, 130} | EARLY_OR_LATE or world.leaves.is_set():
        return
    last = world.output.strip().splitlines()[-1]
    assert last.startswith("error: "), world.output
    assert "; " in last, f"no remedy: {last}"


def check_left_alone(world: World) -> None:
    """When the command ends by itself nothing is left, or it says what and how to end it."""
    if world.was_killed:
        return
    if "may still run and cost money" in world.output:
        assert "planner calibrate stop --all" in world.output
        assert any(record.may_cost_money for record in world.records)
        return
    assert not world.cloud.standing, world.output
    assert not world.cloud.is_pending(), world.output
    assert not world.marked()


def check_orphans(world: World) -> None:
    """What stands and nobody looks after is named, with the command that ends it."""
    code, said = world.say("orphans --exit-code")
    standing = world.cloud.standing
    assert code == (5 if standing or any(r.may_cost_money for r in world.records) else 0), said
    for name in standing:
        assert name in said
    assert not standing or "planner calibrate stop" in said or "sky down" in said


def recover(world: World) -> None:
    """As users do: look, resume (and be killed again), stop everything."""
    world.cloud.recover()
    spooled = [r for r in world.records if RESULT_LINE in "\n".join(Spool().lines(r.run_id))]
    stood = {r.run_id for r in world.records if r.may_cost_money} & {
        name.removeprefix("planner-") for name in world.cloud.standing
    }
    if not world.is_local:
        check_orphans(world)
    ways = ["resume", "resume, killed", "two resume", "stop"]
    ways = ways if world.was_killed else ["resume", "stop"]
    how = world.rng.choice(ways)
    if how == "resume, killed":
        world.say("resume", after_s=world.rng.uniform(0.0, 0.3))
    if how == "two resume":
        pids = [forked.start(world.command("resume"), world.folder / f"r{n}") for n in (1, 2)]
        assert [forked.end(pid, longest_s=LONGEST_RUN_S) for pid in pids] == [0, 0]
    code, said = world.say("stop --all" if how == "stop" else "resume")
    assert code == 0, said
    assert "Traceback" not in said
    assert SECRET not in said
    stored = {own.id for own in OwnObservations().all()}
    for record in spooled:
        assert f"own-{record.run_id}" in stored, "a result that was seen is lost"
    if how != "stop" and world.lines[-1] == RESULT_LINE + "\n":
        # The job went on without its planner: its log is still there to be read.
        assert {f"own-{run_id}" for run_id in stood} <= stored, said


def check_end(world: World) -> None:
    """Nothing runs, nothing was started twice, the books agree with each other."""
    assert not world.cloud.standing
    assert not world.cloud.is_pending()
    assert not world.marked()
    records = world.records
    assert len(records) <= 1
    assert len(world.cloud.calls("launch")) <= 1
    ids = [own.id for own in OwnObservations().all()]
    assert len(ids) == len(set(ids)) <= 1
    for record in records:
        assert record.state.is_end
        assert not record.may_cost_money
        assert record.is_stored == (f"own-{record.run_id}" in ids)
        if record.state is RunState.DONE:
            assert record.is_stored
        else:
            assert record.problem
        assert SECRET not in record.problem
    assert world.cloud.usd_billed <= CAP_USD
    if world.code == 0:
        assert len(ids) == 1
    rescued = _kept_elsewhere(world)
    ended_by_itself = not world.was_killed and records
    whole = world.lines[-1] == RESULT_LINE + "\n"
    # Of a program on this machine nobody knows how far it had come.
    came_back = bool(records) and bool(records[0].resource)
    came_back = came_back and world.cloud.delivered(records[0].resource)
    if ended_by_itself and whole and came_back:
        assert ids or rescued, "a result that came back is neither stored nor kept"
    if not ids and rescued:
        code, said = world.say(f"import {rescued}")
        assert code == (0 if whole else 2), said


def _kept_elsewhere(world: World) -> str:
    """The file that a result was put in as the output says, or, where no disk took it, one with the
    line that was printed instead; empty for neither."""
    temporary = str(world.folder / "tmp")
    files = [word for word in world.output.split() if word.startswith(temporary)]
    if files:
        return files[-1]
    _, _, after = world.output.partition("no disk takes the result")
    line = after.splitlines()[1:2]
    if not line:
        return ""
    copied = world.folder / "copied.json"
    copied.write_text(line[0])
    return str(copied)
