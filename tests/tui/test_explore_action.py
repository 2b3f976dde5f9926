"""What the screen is given: inputs in, points, options and problems out."""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from planner.actions.explore.plan import (
    Problem,
    Subject,
    View,
    command_line,
    constrain,
    explore,
    open_subject,
    sibling,
)
from planner.actions.session import Session, workload_from
from planner.cli.main import run
from planner.errors import BadInput
from tests.tui.conftest import measured_lora
from tui.app import DEFAULT_WORKLOAD

FILE = str(DEFAULT_WORKLOAD)
WORKLOAD = """
kind: vision-training
model: MNIST-CNN-pytorch-examples
samples: 60000
decode_images: false
deadline: 20m
budget: 2 USD
risk: 0.8
where: {clouds: [aws, gcp], quotas: {gcp/L4 on-demand: 4}}
"""


@pytest.fixture
def subject() -> Subject:
    return open_subject(FILE)


def planned(session: Session, subject: Subject, **changes: object) -> View:
    result = explore(session, subject, dataclasses.replace(subject.inputs, **changes))  # type: ignore[arg-type]
    assert isinstance(result, View), result
    return result


def test_untouched_inputs_give_the_very_workload(subject: Subject, tmp_path: Path) -> None:
    assert constrain(subject, subject.inputs) == subject.workload
    path = tmp_path / "work.yaml"
    path.write_text(WORKLOAD)
    own = open_subject(str(path))
    assert own.inputs.deadline == "20m" and own.inputs.budget == "2"
    assert constrain(own, own.inputs) == own.workload


def test_changed_inputs_equal_the_flags_of_the_command(subject: Subject) -> None:
    inputs = dataclasses.replace(
        subject.inputs, deadline=" 90m ", budget="$20", max_nodes="4", purchase=("spot",)
    )
    flags = {"deadline": "90m", "budget": "20"}
    expected, _ = workload_from(FILE, None, flags, {"max_nodes": 4, "purchase": ["spot"]})
    assert constrain(subject, inputs) == expected


def test_emptied_fields_are_no_limit(subject: Subject) -> None:
    free = constrain(subject, dataclasses.replace(subject.inputs, deadline=" ", budget=""))
    assert free.deadline is None and free.budget is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"deadline": "soon"}, "deadline"),
        ({"budget": "-1"}, "budget"),
        ({"max_nodes": ""}, "max_nodes"),
        ({"max_nodes": "0"}, "max_nodes"),
        ({"max_nodes": "99999"}, "max_nodes"),
        ({"purchase": ()}, "purchase"),
    ],
)
def test_problems_name_the_field_and_a_remedy(
    session: Session, subject: Subject, changes: dict[str, object], field: str
) -> None:
    result = explore(session, subject, dataclasses.replace(subject.inputs, **changes))  # type: ignore[arg-type]
    assert isinstance(result, Problem)
    assert result.field == field and result.text
    assert result.remedies or field == "max_nodes"


def test_an_unknown_model_is_a_problem_with_a_suggestion(session: Session) -> None:
    known = open_subject(FILE)
    subject = Subject(known.workload, "work.yaml", {**known.data, "model": "lama-3.1-8b"})
    result = explore(session, subject, subject.inputs)
    assert isinstance(result, Problem) and "Llama-3.1-8B" in result.text


def test_points_tell_what_meets_the_limits(session: Session, subject: Subject) -> None:
    view = planned(session, subject, deadline="1h", budget="5")
    candidates, points = view._lookup._c, view.points
    late = candidates.hours_at_risk[points.index] > 1
    dear = candidates.usd_at_risk[points.index] > 5
    assert np.array_equal(points.meets, ~(late | dear))
    assert 0 < view.meeting < view.feasible
    # Thinning loses no place that could be told apart: every front point has one within 2.4%.
    for hours, usd in zip(view.front.x, view.front.y, strict=True):
        near = np.hypot(np.log10(points.x / hours), np.log10(points.y / usd))
        assert near.min() < 0.015


def test_options_on_the_front_say_which_limit_they_miss(session: Session, subject: Subject) -> None:
    view = planned(session, subject, deadline="1h")
    for option in view.options:
        missed = bool(view._lookup._c.hours_at_risk[option.index] > 1)
        assert ("misses the deadline" in option.item.why_not) == missed
        assert option.item == view._lookup._builder.item(option.index).model_copy(
            update={"why_not": option.item.why_not}
        )
    assert any("misses the deadline" in option.item.why_not for option in view.options)
    for index in view.points.index[::400].tolist():
        assert view.option_at(index).index == index


def test_the_copied_command_gives_the_same_plan(
    session: Session, subject: Subject, capsys: pytest.CaptureFixture[str]
) -> None:
    view = planned(session, subject, deadline="90m", max_nodes="2", purchase=("on_demand",))
    words = shlex.split(command_line(subject, view.inputs))
    assert words[:3] == ["planner", "recommend", FILE]
    assert run([*words[1:], "--format", "json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)["recommendation"]
    assert found == view.recommendation.recommendation.model_dump(mode="json")


def test_the_copied_command_of_the_example_carries_the_workload(session: Session) -> None:
    subject = open_subject(FILE, shipped=True)
    view = planned(session, subject, deadline="")
    command = command_line(subject, view.inputs)
    assert FILE not in command
    source = f"import sys; from planner.cli.main import run; sys.exit(run(sys.argv[1:]))"  # noqa: F541
    script = command.replace(
        "planner recommend -",
        f"{shlex.quote(sys.executable)} -c {shlex.quote(source)} recommend - --format json",
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["recommendation"]
    assert found == view.recommendation.recommendation.model_dump(mode="json")


def test_stdin_is_refused() -> None:
    with pytest.raises(BadInput, match="save it to a file"):
        open_subject("-")


PORTFOLIO = """
budget: 500
where: {clouds: [aws], max_nodes: 2}
workloads:
  - {kind: finetune, name: small one, model: llama-3.1-8b, method: lora, tokens: 50M, budget: 9}
  - {kind: finetune, model: llama-3.1-8b, tokens: 50M, where: {clouds: [gcp]}}
"""


def test_a_measurement_moves_options_from_where_they_lay(session: Session) -> None:
    subject = open_subject(FILE)
    inputs = dataclasses.replace(subject.inputs, clouds="verda", max_nodes="1")  # quick to plan
    first = explore(session, subject, inputs)
    assert isinstance(first, View)
    assert first.change is None
    measured_lora()
    after = Session(session.catalog)
    second = explore(after, subject, inputs, first)
    assert isinstance(second, View) and second.change is not None
    assert second.change.runs == 1 and not second.change.prices
    # The run was slower than expected: what ran on its device is measured or near it, and slower.
    best = second.again(first.options[0])
    move = second.change.of(best)
    was = first.options[0]
    assert move is not None and (move.x, move.y) == pytest.approx((was.x, was.y), rel=1e-5)
    assert best.x > 1.1 * move.x and move.basis == was.item.throughput.basis
    apart = [max(m.option.x / m.x, m.x / m.option.x) for m in second.change.moves[:5]]
    assert min(apart) > 1.005
    # Planned again on the same figures it is still the before and after.
    third = explore(after, subject, inputs, second)
    assert isinstance(third, View) and third.change == second.change
    other = dataclasses.replace(inputs, deadline="20h")
    fourth = explore(after, subject, other, third)
    assert isinstance(fourth, View) and fourth.change is None


def test_one_of_several_workloads_is_opened_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "several.yaml"
    path.write_text(PORTFOLIO)
    with pytest.raises(BadInput, match="has no workload 'finetune-3'"):
        open_subject(str(path), name="finetune-3")
    first = open_subject(str(path))
    assert first == open_subject(str(path), name="small one")
    assert first.names == ("small one", "finetune-2")
    assert first.workload.budget == 9, "its own, not the shared one"
    assert "without the budget that they share" in first.note
    second = sibling(first, "finetune-2")
    assert sibling(second, "small one") == first
    assert second.workload.where.clouds == ("gcp",) and second.workload.where.max_nodes == 2
    # No file holds it alone: what is copied carries it.
    assert "max_nodes: 2" in command_line(second, second.inputs)
    assert run(["tui", "--workload", "finetune-2"]) == 2
    path.write_text(WORKLOAD)
    with pytest.raises(BadInput, match="leave --workload out"):
        open_subject(str(path), name="other")


def test_the_command_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tui"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: planner tui: std") and "planner recommend" in error
