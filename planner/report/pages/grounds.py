"""What figures rest on, as sections."""

from __future__ import annotations

from collections.abc import Sequence

from planner.report.document import Bullets, Draft, Paragraph, Table
from planner.results.study import Fact, Grounds


def facts_table(facts: Sequence[Fact]) -> Table:
    """Sources with their age."""
    rows = [
        (
            fact.about,
            fact.citation,
            fact.as_of or "undated",
            "unknown" if fact.age_days is None else f"{fact.age_days} days",
        )
        for fact in facts
    ]
    return Table(("figure", "from", "as of", "age"), rows, right=("age",))


def add_grounds(page: Draft, grounds: Grounds, catalog: str) -> None:
    """Age, assumptions and evidence; ``catalog`` says which one the plans were made with."""
    page.add("How old the figures are", Paragraph(catalog), facts_table(grounds.facts))
    page.add("Assumptions", Bullets(grounds.assumptions))
    blocks: list[Paragraph | Bullets] = []
    for name, lines in grounds.evidence.items():
        if lines:
            blocks += [Paragraph(f"Measurements that weigh most in {name}:"), Bullets(lines)]
        else:
            blocks.append(Paragraph(f"{name}: nothing measured is near, the speed is the model's."))
    page.add("Evidence", *blocks)
