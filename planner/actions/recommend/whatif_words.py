"""A constraint that gives way, in the user's words."""

from __future__ import annotations

from dataclasses import dataclass

from planner.actions.planning import Prepared
from planner.actions.recommend.cheapest import Cheapest
from planner.amounts import hours, money, seconds
from planner.items import rounded
from planner.results import Relaxed

_MACHINES = " instances"


@dataclass(frozen=True)
class Change:
    """What is relaxed, by how much of which unit; ``words`` where no number says it."""

    field: str
    words: str = ""
    amount: float | None = None
    unit: str | None = None

    def said(self) -> str:
        """``6.0 h more``, ``one more machine at basement``, ``other clouds``."""
        if self.words or self.amount is None:
            return self.words
        if self.unit == "hours":
            return f"{hours(self.amount)} more"
        if self.unit == "seconds":
            return f"{seconds(self.amount)} more {latency_name(self.field)}"
        if self.unit == "USD":
            return f"{money(self.amount)} more budget"
        if self.unit == "machines":
            return f"{self.amount:g} more machines at most"
        name = self.unit or ""
        many = "one more" if self.amount == 1 else f"{self.amount:g} more"
        if name.startswith("on-prem/"):
            word = "machine" if self.amount == 1 else "machines"
            return f"{many} {word} at {name.removeprefix('on-prem/').removesuffix(_MACHINES)}"
        unit = "unit" if self.amount == 1 else "units"
        return f"{many} {unit} of the quota {name}"


def latency_name(field: str) -> str:
    """``TTFT p95`` of the field ttft_p95; latency is a word, not letters."""
    name, _, percentile = field.rpartition("_")
    return f"{name if name == 'latency' else name.upper()} {percentile}"


def relaxed(
    change: Change, prepared: Prepared, found: Cheapest, before_usd: float, again: bool
) -> Relaxed:
    """The published form; ``found`` costs less than ``before_usd``."""
    saves, per_hour = before_usd - found.usd, None
    horizon = prepared.candidates.amount.horizon_hours
    if prepared.candidates.amount.is_service and horizon:
        per_hour = saves / horizon
    text = money(saves) if per_hour is None else f"{money(per_hour)}/h"
    words, plan = change.said(), plan_words(prepared, found)
    verb = "saves" if change.amount is not None else "would save"
    sentence = f"{words[0].upper()}{words[1:]} {verb} {text}: {plan}."
    return Relaxed(
        constraint=change.field,
        change=words,
        amount=None if change.amount is None else rounded(change.amount),
        unit=change.unit,
        cost_usd=rounded(found.usd),
        saves_usd=rounded(saves),
        saves_usd_per_hour=None if per_hour is None else rounded(per_hour),
        plan=plan,
        method="planned again" if again else "same candidates",
        sentence=sentence,
    )


def plan_words(prepared: Prepared, found: Cheapest) -> str:
    """The machines of a plan: what, how many, where, how paid."""
    c = prepared.candidates
    counts: list[tuple[int, float]] = [(found.pick, float(c.count[found.pick]))]
    choice = found.choice
    if choice is not None and choice.picks[0] < 0:
        rows = prepared.cover_rows()
        counts = [(int(rows[g.index]), float(g.count)) for g in choice.mixes[0]]
    parts = []
    for index, count in counts:
        row = int(c.row[index])
        text = [c.offers.text(name, row) for name in ("instance_type", "cloud", "region", "kind")]
        machines = int(c.machines.nodes[int(c.config[index])] * count)
        many = f"{machines} x " if machines > 1 else ""
        parts.append(f"{many}{text[0]} in {text[1]} {text[2]}, {text[3].replace('_', '-')}")
    return " + ".join(parts[:3]) + (f" + {len(parts) - 3} more" if len(parts) > 3 else "")
