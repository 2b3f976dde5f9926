"""A calibration run, and the limits of a calibration plan, as a person types them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planner.actions.calibration.ready import CalibrationOptions
from planner.errors import BadInput


def settings_of(words: Sequence[str], where: str = "--set") -> dict[str, str]:
    """``NAME=VALUE`` words, or ``NAME`` for a switch. Raises BadInput."""
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        name = name.strip().lstrip("-").replace("_", "-")
        if not name.replace("-", "").isalnum():
            raise BadInput(f"{word!r} is not NAME=VALUE", where=where, remedy="say steps=50")
        found[name] = value.strip()
    return found


@dataclass(frozen=True)
class TypedRun:
    """What to run. ``settings`` are words ``NAME=VALUE`` of the program's own arguments; an empty
    text is no limit."""

    benchmark: str = "cnn"
    on: str = "local"
    seconds: str = "120"
    settings: str = ""
    max_cost: str = ""
    max_hours: str = ""

    def options(self) -> CalibrationOptions:
        """Raises BadInput that names the field."""
        try:
            words = shlex.split(self.settings)
        except ValueError as error:
            raise BadInput(
                f"cannot be read ({error})", where="settings", remedy="say epochs=2 samples=6000"
            ) from None
        return CalibrationOptions(
            settings=settings_of(words, "settings"),
            max_seconds=_number(self.seconds, "seconds", "120"),
            max_cost_usd=dollars(self.max_cost, "max_cost") if self.max_cost else None,
            max_hours=_number(self.max_hours, "max_hours", "1.5") if self.max_hours else None,
        )

    def command(self) -> str:
        """The same as a command; it asks for the cost itself."""
        words = ["planner", "calibrate", "run", self.benchmark, "--on", self.on]
        words += ["--max-seconds", self.seconds] if self.seconds != "120" else []
        words += ["--max-cost", f"{self.max_cost}"] if self.max_cost else []
        words += ["--max-hours", self.max_hours] if self.max_hours else []
        for name, value in self.options().settings.items():
            words += ["--set", f"{name}={value}" if value else name]
        return shlex.join(words)


@dataclass(frozen=True)
class TypedPlan:
    """Most that all runs may cost, how often the workload will be run, what a late end costs
    (empty: the run that was late)."""

    budget: str = "20USD"
    repeats: str = "1"
    late: str = ""

    def limits(self) -> tuple[float, float, float | None]:
        """Budget in USD, repeats, cost of a late end in USD. Raises BadInput that names the
        field."""
        late = dollars(self.late, "late") if self.late else None
        return dollars(self.budget, "budget"), _number(self.repeats, "repeats", "10"), late


def dollars(text: str, where: str) -> float:
    """``20``, ``20USD``, ``$20``. Raises BadInput."""
    from planner.quantities import usd

    def read(said: str) -> float:
        return float(usd(said))

    return _read(read, text, where, "say 20USD")


def _number(text: str, where: str, example: str) -> float:
    value = _read(float, text, where, f"say {example}")
    if not (value > 0 and math.isfinite(value)):
        raise BadInput("must be above zero", where=where, remedy=f"say {example}")
    return value


def _read(parse: Callable[[str], float], text: str, where: str, remedy: str) -> float:
    try:
        return parse(text)
    except ValueError as error:
        problem = str(error).partition("; ")[0]
        if "could not convert" in problem:
            problem = f"{text!r} is no number"
        raise BadInput(problem, where=where, remedy=remedy) from None
