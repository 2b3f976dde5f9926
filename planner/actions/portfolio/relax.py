"""What giving way in one limit of a portfolio saves: decided again over the same candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from planner.actions.planning import Prepared
from planner.amounts import hours, money
from planner.items import candidate_id, rounded
from planner.optimize.choice import Choice, choose
from planner.results import Relaxed

# A saving below this share of the cost, or a cent, is no reason to give way.
_LEAST = 1e-6
# More time that is tried for each deadline.
_LATER = 0.25


@dataclass(frozen=True)
class Decision:
    """The portfolio as it was decided: its parts, limits, and the plan."""

    prepared: tuple[Prepared, ...]
    limits: Mapping[str, float]
    credits: Mapping[str, float]
    budget: float | None  # that the plan keeps; None where it is over its budget
    choice: Choice

    @property
    def usd(self) -> float:
        """To pay, credits taken off."""
        return self.choice.solve.objective or 0.0


def decide(
    prepared: Sequence[Prepared],
    limits: Mapping[str, float],
    budget: float | None,
    credits: Mapping[str, float],
) -> Choice:
    """The cheapest plan of all parts together."""
    covers = {w: cover for w, part in enumerate(prepared) if (cover := part.cover()) is not None}
    options = [part.options() for part in prepared]
    return choose(options, limits, budget, covers=covers, credits=credits)


def relaxations(decision: Decision, drawn: Callable[[Choice, str], float]) -> list[Relaxed]:
    """Limits that bind, by what doing without them saves; a deadline, by a quarter more time.

    ``drawn`` says what a plan draws on a quota.
    """
    found = []
    for name, limit in sorted(decision.limits.items()):
        others = {other: most for other, most in decision.limits.items() if other != name}
        free = decide(decision.prepared, others, decision.budget, decision.credits)
        if free.picks and (used := drawn(free, name)) > limit:
            sentence = f"{name} raised from {limit:g} to {used:g}"
            found.append(_relaxed(decision, free, f"quotas.{name}", sentence, used - limit, None))
    if decision.budget is not None:
        free = decide(decision.prepared, decision.limits, None, decision.credits)
        if free.picks:
            more = max(_at_risk(decision.prepared, free) - decision.budget, 0.0)
            sentence = f"A budget of {money(more)} more"
            found.append(_relaxed(decision, free, "budget", sentence, more, "USD"))
    for number, part in enumerate(decision.prepared):
        deadline = part.workload.deadline
        if deadline is None:
            continue
        later = part.workload.model_copy(update={"deadline": deadline * (1 + _LATER)})
        parts = [*decision.prepared]
        parts[number] = part.asked(later)
        free = decide(parts, decision.limits, decision.budget, decision.credits)
        if free.picks:
            more = _LATER * deadline
            sentence = f"{hours(more)} more for {part.workload.name}"
            field = f"workloads.{number}.deadline"
            found.append(_relaxed(decision, free, field, sentence, more, "hours", parts))
    worth = max(_LEAST * decision.usd, 0.01)
    return sorted(
        (each for each in found if each.saves_usd > worth), key=lambda each: -each.saves_usd
    )


def _relaxed(
    decision: Decision,
    free: Choice,
    field: str,
    change: str,
    amount: float,
    unit: str | None,
    parts: Sequence[Prepared] | None = None,
) -> Relaxed:
    usd = free.solve.objective or 0.0
    saves = decision.usd - usd
    return Relaxed(
        constraint=field,
        change=change,
        amount=rounded(amount),
        unit=unit,
        cost_usd=rounded(usd),
        saves_usd=rounded(saves),
        plan="; ".join(_plans(parts or decision.prepared, free)),
        method="same candidates",
        sentence=f"{change} would save {money(saves)} in total.",
    )


def _plans(prepared: Sequence[Prepared], choice: Choice) -> list[str]:
    """What every workload runs on."""
    return [
        f"{part.workload.name}: "
        + " + ".join(
            candidate_id(part.candidates, i, nodes) for i, nodes in _chosen(part, choice, n)
        )
        for n, part in enumerate(prepared)
    ]


def _chosen(part: Prepared, choice: Choice, number: int) -> list[tuple[int, float]]:
    """Candidates and machines of one workload."""
    c = part.candidates
    if choice.picks[number] >= 0:
        index = int(part.in_time[choice.picks[number]])
        return [(index, float(c.nodes[index]))]
    rows = part.cover_rows()
    found = [(int(rows[g.index]), g.count) for g in choice.mixes[number]]
    return [(i, float(c.machines.nodes[c.config[i]]) * count) for i, count in found]


def _at_risk(prepared: Sequence[Prepared], choice: Choice) -> float:
    """USD that the whole costs at the risk asked for, credits taken off."""
    total = -sum(choice.credit_usd.values())
    for number, part in enumerate(prepared):
        if choice.picks[number] >= 0:
            total += float(part.candidates.usd_at_risk[part.in_time[choice.picks[number]]])
            continue
        cover = part.cover()
        assert cover is not None
        for group in choice.mixes[number]:
            total += group.count * float(cover.usd_per_group[group.index])
            total += group.units * cover.need * float(cover.usd_per_unit[group.index])
    return total
