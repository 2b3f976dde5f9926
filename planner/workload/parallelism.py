"""A parallel layout as people write it: ``tp8 pp8 dp16 zero1 recompute, micro-batch 1``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_WORD = re.compile(
    r"(?:tp|pp|vpp|cp|ep|dp)[1-9]\d{0,4}|zero[0-3]|fsdp|ddp"
    r"|(?:selective[ -])?recompute|micro-batch \d{1,5}",
)
_BETWEEN = re.compile(r"[\s,]*")


def _check(text: str) -> str:
    """Refuse what ``planner.performance.layouts.parse_layout`` would pass over."""
    low, place = text.strip().lower(), 0
    while place < len(low):
        word = _WORD.match(low, place)
        if word is None:
            said = re.split(r"[\s,]+", low[place:])[0]
            raise ValueError(
                f"{said!r} is not a layout; write tp, pp, vpp, cp, ep or dp with a number, "
                "zero0 to zero3, recompute, selective recompute, micro-batch 1"
            )
        between = _BETWEEN.match(low, word.end())
        assert between is not None  # it also matches nothing
        place = between.end()
        if place == word.end() < len(low):
            raise ValueError(f"{low!r} runs words together; put spaces between them")
    return low


Parallelism = Annotated[
    str,
    AfterValidator(_check),
    Field(
        max_length=200,
        description="parallel layout to use, e.g. tp8 pp8 zero1 recompute, micro-batch 1; "
        "what it leaves open, or all of it by default, the planner chooses",
    ),
]
