"""What can go wrong, and the exit code it ends with.

    PlannerError                1  anything the planner itself reports
    ├── BadInput                2  a wrong field, name, quantity or file
    ├── Infeasible              3  nothing meets the constraints, whatever the budget
    ├── OverBudget              4  feasible, but the cheapest plan costs more than the budget
    └── Superseded              1  whoever asked wants something else by now; never seen by users

``catalog.CatalogError`` and ``catalog.UnknownName`` also end with 2. Ctrl-C ends with 130.
5 is no error: ``planner replay`` and ``planner diff --exit-code`` found another answer, ``planner
gate`` that an old plan is not worth keeping.
"""

from __future__ import annotations


class PlannerError(Exception):
    """Base of all errors the planner reports by itself. ``str()`` is one line for the user."""

    exit_code = 1


class BadInput(PlannerError):
    """Input that cannot be used.

    ``where`` names file and field, ``problem`` what is wrong with it, ``remedy`` what would be
    right.
    """

    exit_code = 2

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        self.problem, self.where, self.remedy = problem, where, remedy
        text = f"{where}: {problem}" if where else problem
        super().__init__(f"{text}; {remedy}" if remedy else text)


class Infeasible(PlannerError):
    """No candidate meets the constraints. ``reasons`` count what ruled candidates out."""

    exit_code = 3

    def __init__(self, problem: str, reasons: list[str] | None = None) -> None:
        self.reasons = reasons or []
        super().__init__(problem)


class OverBudget(PlannerError):
    """The cheapest feasible plan costs more than the budget."""

    exit_code = 4


class Superseded(PlannerError):
    """Whoever asked does not want the answer any more."""
