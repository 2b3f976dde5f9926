"""A capacity spec made ready: what was changed about it, prices filled in, arrays to plan with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.errors import BadInput
from planner.field_errors import some, suggest
from planner.optimize.capacity.fleet import Fleet, Option, Periods
from planner.optimize.capacity.from_spec import arrays_from
from planner.optimize.capacity.read_spec import parse_spec, read_spec
from planner.optimize.capacity.spec import CapacitySpec, OfferSpec
from planner.yaml_file import load

if TYPE_CHECKING:
    from catalog import Catalog

# Fields of an offer that hold a decision for the whole horizon.
DECIDED = {
    Option.RESERVED_1Y: "reserved_1y",
    Option.RESERVED_3Y: "reserved_3y",
    Option.PURCHASED: "purchase",
}

Decision = tuple[str, Option]


@dataclass(frozen=True)
class Changes:
    """What is asked otherwise than the spec says; None and what is not named stay.

    ``counts``: machines by offer and way, exactly so many instead of as many as cost least.
    """

    demand_scale: float | None = None
    max_spot_share: float | None = None
    counts: Mapping[Decision, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """``spec`` with its prices, and the same as arrays."""

    spec: CapacitySpec
    fleet: Fleet
    periods: Periods
    notes: list[str]


@dataclass(frozen=True)
class Question:
    """A spec with its prices filled in, where it came from and where its files are."""

    spec: CapacitySpec
    where: str = "spec"
    folder: Path = Path()
    notes: tuple[str, ...] = ()

    def ready(self, changes: Changes | None = None) -> Ready:
        """As arrays, with the changes laid over it. Raises BadInput."""
        spec = self.spec if changes is None else changed(self.spec, changes)
        return Ready(spec, *arrays_from(spec, self.where, self.folder), list(self.notes))


def question_from(
    file: str, text: str | None = None, catalog: Callable[[], Catalog] | None = None
) -> Question:
    """Read a spec (or its ``text``), ``-`` for stdin; of a service, a year of it. Raises BadInput.

    ``catalog`` is opened only when an offer refers to it.
    """
    folder = Path() if file == "-" else Path(file).parent
    where = "stdin" if file == "-" else file
    if file.lower().endswith(".json"):
        return question(read_spec(file, text), where, folder, catalog)
    data = load(file, text)
    if isinstance(data, dict) and "kind" in data and "offers" not in data:
        from planner.actions.capacity.service import question_of_service
        from planner.actions.session import Session, open_session
        from planner.workload import parse

        session = open_session() if catalog is None else Session(catalog())
        workload = parse(data, where=where)
        return question_of_service(
            workload, session.catalog, session.measured, where=where, folder=folder
        )
    return question(parse_spec(data, where=where), where, folder, catalog)


def question(
    spec: CapacitySpec,
    where: str = "spec",
    folder: Path = Path(),
    catalog: Callable[[], Catalog] | None = None,
) -> Question:
    """A spec with the catalog's prices where it refers to them. Raises BadInput."""
    if all(offer.catalog is None for offer in spec.offers):
        return Question(spec, where, folder)
    from planner.optimize.capacity.catalog_prices import fill_prices

    if catalog is None:
        from catalog import Catalog

        catalog = Catalog.open
    spec, notes = fill_prices(spec, catalog(), where)
    return Question(spec, where, folder, tuple(notes))


def changed(spec: CapacitySpec, changes: Changes) -> CapacitySpec:
    """The spec with the changes laid over it; prices must be filled in. Raises BadInput."""
    update: dict[str, Any] = {}
    if changes.demand_scale is not None:
        update["demand_scale"] = changes.demand_scale
    if changes.max_spot_share is not None:
        limits = spec.limits.model_copy(update={"max_spot_share": changes.max_spot_share})
        update["limits"] = limits
    if changes.counts:
        update["offers"] = _decided(spec.offers, changes.counts)
    return spec.model_copy(update=update)


def _decided(offers: Sequence[OfferSpec], counts: Mapping[Decision, int]) -> tuple[OfferSpec, ...]:
    found = list(offers)
    names = [offer.name for offer in offers]
    for (name, option), count in counts.items():
        if name not in names:
            raise BadInput(
                f"there is no offer {name!r}",
                where="--count",
                remedy=suggest(name, names, some(names)),
            )
        at, part = names.index(name), DECIDED[option]
        before = getattr(found[at], part)
        if before is None:
            ways = [way for way, each in DECIDED.items() if getattr(found[at], each) is not None]
            raise BadInput(
                f"{name} is not offered as {option.replace('_', '-')}",
                where="--count",
                remedy=f"it is as {some([w.replace('_', '-') for w in ways])}"
                if ways
                else "leave it out",
            )
        found[at] = found[at].model_copy(update={part: before.model_copy(update={"count": count})})
    return tuple(found)


def changes_from(
    demand_scale: float | None, max_spot_share: float | None, counts: Sequence[str]
) -> Changes:
    """What the flags of the command line say. Raises BadInput."""
    if demand_scale is not None and not 0 < demand_scale < float("inf"):
        raise BadInput(
            f"{demand_scale:g} is not above zero", where="--demand-scale", remedy="say 1.5"
        )
    return Changes(demand_scale, max_spot_share, parse_counts(counts))


def parse_counts(texts: Sequence[str]) -> dict[Decision, int]:
    """``OFFER=reserved-3y:4`` of the command line. Raises BadInput."""
    found: dict[Decision, int] = {}
    ways = {option.replace("_", "-"): option for option in DECIDED}
    for text in texts:
        name, _, rest = text.rpartition("=")
        way, _, count = rest.partition(":")
        option = ways.get(way.strip().replace("_", "-"))
        if not name or option is None or not count.strip().isdecimal():
            raise BadInput(
                f"{text[:60]!r} is no OFFER=WAY:COUNT",
                where="--count",
                remedy=f"say 'cloud 8xH100=reserved-3y:4'; ways are {', '.join(ways)}",
            )
        found[name.strip(), option] = int(count)
    return found
