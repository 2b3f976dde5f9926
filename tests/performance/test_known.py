"""What was worked out before answers as if it were worked out anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog import Catalog
from planner.actions import planning
from planner.actions.kept import Kept
from planner.actions.recommend.plan import recommend
from planner.performance import fitted, training
from planner.performance.known import MOST_ROWS, QUESTIONS, Known
from planner.workload import parse


@dataclass(frozen=True)
class Squares:
    values: NDArray[np.float64]

    def take(self, rows: NDArray[np.intp]) -> Squares:
        return Squares(self.values[rows])


class Desk:
    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.known = Known[Squares](lambda all_: Squares(np.concatenate([a.values for a in all_])))

    def squares(self, numbers: list[int], question: str = "") -> list[float]:
        def work_out(rows: NDArray[np.intp]) -> Squares:
            new = [numbers[row] for row in rows]
            self.asked.append(new)
            return Squares(np.array(new, float) ** 2)

        found: list[float] = self.known.of(question, numbers, work_out).values.tolist()
        return found


def test_only_what_is_not_known_is_worked_out() -> None:
    desk = Desk()
    assert desk.squares([3, 1]) == [9, 1]
    assert desk.squares([1, 2, 3, 2]) == [1, 4, 9, 4]
    assert desk.squares([5, 2]) == [25, 4]
    assert desk.asked == [[3, 1], [2], [5]]


def test_another_question_is_another_answer_and_old_ones_are_forgotten() -> None:
    desk = Desk()
    for number in range(QUESTIONS + 1):
        desk.squares([7], f"{number}")
    desk.squares([7], f"{QUESTIONS}")
    assert len(desk.asked) == QUESTIONS + 1
    desk.squares([7], "0")
    assert len(desk.asked) == QUESTIONS + 2


def test_rows_are_bounded() -> None:
    desk = Desk()
    desk.squares(list(range(MOST_ROWS)))
    assert desk.squares([MOST_ROWS + 1, 2]) == [(MOST_ROWS + 1) ** 2, 4]
    assert desk.asked[-1] == [MOST_ROWS + 1, 2]


def test_rows_of_all_questions_are_bounded() -> None:
    desk = Desk()
    part = MOST_ROWS // 3
    for name in "abcd":
        desk.squares(list(range(part)), name)
    desk.squares([0, 1], "b")  # known yet
    assert len(desk.asked) == 4
    desk.squares([0, 1], "a")
    assert desk.asked[4:] == [[0, 1]]


TUNE = {
    "kind": "finetune", "name": "tune", "model": "llama-3.1-8b", "method": "lora", "tokens": "50M",
    "sequence_length": 4096, "precision": "bf16",
}  # fmt: skip
CHANGES: tuple[dict[str, Any], ...] = (
    {"deadline": "24h", "where": {"max_nodes": 4}},
    {"deadline": "100h", "budget": 40, "where": {"max_nodes": 4}},
    {"deadline": "24h", "where": {"max_nodes": 3}},
    {"risk": 0.7, "where": {"max_nodes": 6, "clouds": ["aws"]}},
)


def test_plans_after_other_plans_are_those_of_a_new_process(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers() -> list[dict[str, Any]]:
        plans = [
            recommend(parse({**TUNE, **one}, where="x"), catalog).recommendation for one in CHANGES
        ]
        return [plan.model_dump(exclude={"seconds"}) for plan in plans]

    def forget() -> None:
        monkeypatch.setattr(planning, "_PREPARED", Kept[planning.Prepared](3))
        monkeypatch.setattr(training, "_KNOWN", Known(training.join))
        monkeypatch.setattr(fitted, "_KNOWN", Known(fitted._Said.join))

    forget()
    after_others = answers()[::-1]
    for one, expected in zip(CHANGES[::-1], after_others, strict=True):
        forget()
        alone = recommend(parse({**TUNE, **one}, where="x"), catalog).recommendation
        assert alone.model_dump(exclude={"seconds"}) == expected
