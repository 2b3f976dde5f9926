"""From what the user wrote to arrays: demand read or shaped, costs of owning worked out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.cost.ownership import HOURS_PER_YEAR, Power, annuity_usd_per_year
from planner.demand import shapes
from planner.demand.readers import read_series
from planner.errors import BadInput
from planner.optimize.capacity import spec as fields
from planner.optimize.capacity.fleet import Fleet, Option, Periods, Terms
from planner.optimize.capacity.plans_from_spec import plans_of
from planner.optimize.capacity.read_spec import workloads_of
from planner.optimize.capacity.spec import MAX_PERIODS, CapacitySpec, OfferSpec, Series

Floats = NDArray[np.float64]


def arrays_from(spec: CapacitySpec, where: str, folder: Path) -> tuple[Fleet, Periods]:
    """The spec as arrays; files are looked for in ``folder``. Raises BadInput."""
    reader = _Files(spec, folder)
    workloads = workloads_of(spec)
    places = (
        [f"{where}: workloads.{n}.demand" for n in range(len(workloads))]
        if spec.workloads
        else [f"{where}: demand"]
    )
    size = _length(spec, workloads, reader, where)
    columns = [
        _demand(w.demand, size, spec, reader, place)
        for w, place in zip(workloads, places, strict=True)
    ]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        other = next(n for n, length in enumerate(lengths) if length != lengths[0])
        raise BadInput(
            f"has {lengths[other]} periods where {workloads[0].name} has {lengths[0]}",
            where=places[other],
            remedy="give all workloads the same periods, or say `periods:`",
        )
    if lengths[0] > MAX_PERIODS:
        raise BadInput(
            f"has {lengths[0]} periods, more than {MAX_PERIODS:,}",
            where=places[0],
            remedy="use longer periods",
        )
    periods = Periods(np.stack(columns, axis=1) * spec.demand_scale, spec.period_hours)
    return _fleet(spec, workloads, periods, reader, where), periods


class _Files:
    """Reads each file once, however many figures are taken from it."""

    def __init__(self, spec: CapacitySpec, folder: Path) -> None:
        self.hours, self.folder = spec.period_hours, folder

    def read(self, series: Series, place: str) -> Floats:
        figures = read_series(
            self.folder / series.file,
            column=series.column,
            form=series.format,
            fill=series.fill,
            period_hours=self.hours,
            shown=f"{place}: {series.file}",
        )
        return np.asarray(figures * series.scale)


def _series_of(demand: object) -> Series | None:
    if isinstance(demand, str):
        return Series(file=demand)
    return demand if isinstance(demand, Series) else None


def _length(
    spec: CapacitySpec, workloads: Sequence[fields.WorkloadSpec], reader: _Files, where: str
) -> int | None:
    """How many periods a shape has: as said, as the files have, else a year."""
    if spec.periods is not None:
        if spec.periods == 0:
            raise BadInput("is 0", where=f"{where}: periods", remedy="plan for one period at least")
        return spec.periods
    for number, workload in enumerate(workloads):
        if isinstance(workload.demand, tuple):
            return len(workload.demand)
        series = _series_of(workload.demand)
        if series is not None and len(workloads) > 1:
            return len(reader.read(series, f"{where}: workloads.{number}.demand"))
    return None


def _demand(
    demand: object, size: int | None, spec: CapacitySpec, reader: _Files, place: str
) -> Floats:
    series = _series_of(demand)
    if series is not None or isinstance(demand, tuple):
        figures = reader.read(series, place) if series is not None else np.asarray(demand, float)
        if not len(figures):
            raise BadInput("has no periods", where=place, remedy="give one figure a period")
        if spec.periods is not None and len(figures) < spec.periods:
            raise BadInput(
                f"has {len(figures)} periods, not {spec.periods}",
                where=place,
                remedy="lower `periods:` or add rows",
            )
        return figures[: spec.periods] if spec.periods is not None else figures
    parts = demand.sum if isinstance(demand, fields.Sum) else (demand,)
    count = size or max(round(HOURS_PER_YEAR / spec.period_hours), 1)
    if count > MAX_PERIODS:
        raise BadInput(
            f"makes {count:,} periods, more than {MAX_PERIODS:,}",
            where=place,
            remedy="use longer periods",
        )
    total = np.zeros(count)
    for part in parts:
        total += _shape(part, count, spec.period_hours)
    return total


def _shape(part: object, count: int, period_hours: float) -> Floats:
    at = shapes.middles(count, period_hours)
    if isinstance(part, fields.Weekly):
        return shapes.weekly(
            at,
            part.mean,
            part.peak,
            part.peak_hour,
            part.weekend_factor,
            part.first_day,
            part.growth_per_year,
        )
    if isinstance(part, fields.Diurnal):
        return shapes.diurnal(at, part.mean, part.peak, part.peak_hour, part.growth_per_year)
    if isinstance(part, fields.Growth):
        return shapes.growth(at, part.start, part.end, count * period_hours)
    assert isinstance(part, fields.LaunchSpike)
    return shapes.launch_spike(
        at, part.base, part.peak, part.launch_hour, part.rise_hours, part.half_life_hours
    )


def _column(offers: Sequence[OfferSpec], pick: Callable[[OfferSpec], float | None]) -> Floats:
    """One figure an offer; None becomes NaN."""
    return np.array([np.nan if (v := pick(offer)) is None else float(v) for offer in offers], float)


def _limit(offers: Sequence[OfferSpec], pick: Callable[[OfferSpec], float | None]) -> Floats:
    """One limit an offer; None becomes inf."""
    column = _column(offers, pick)
    return np.where(np.isnan(column), np.inf, column)


def _fleet(
    spec: CapacitySpec,
    workloads: Sequence[fields.WorkloadSpec],
    periods: Periods,
    reader: _Files,
    where: str,
) -> Fleet:
    offers = spec.offers
    names = [workload.name for workload in workloads]
    speed = np.array(
        [
            [
                o.throughput.get(name, 0.0) if isinstance(o.throughput, dict) else o.throughput
                for name in names
            ]
            for o in offers
        ],
        float,
    ).reshape(len(offers), len(names))
    rented, own = _egress(workloads)
    fleet = Fleet(
        offers=tuple(offer.name for offer in offers),
        workloads=tuple(names),
        throughput=speed,
        on_demand=_prices(offers, "on_demand_usd_per_hour", periods, reader, where),
        spot=_prices(offers, "spot_usd_per_hour", periods, reader, where),
        spot_factor=_column(offers, lambda o: o.spot_capacity_factor),
        terms=(
            _terms(offers, Option.RESERVED_1Y, lambda o: o.reserved_1y),
            _terms(offers, Option.RESERVED_3Y, lambda o: o.reserved_3y),
        ),
        held=_held(offers, periods, where),
        max_count=_limit(offers, lambda o: o.max_count),
        max_on_demand=_limit(offers, lambda o: o.max_on_demand),
        max_spot=_limit(offers, lambda o: o.max_spot),
        owned=_column(offers, lambda o: o.owned_count),
        running=_column(offers, _running_usd_per_hour),
        buy_usd=_column(offers, lambda o: _buy_usd(o, periods.horizon_hours)),
        max_new=_limit(offers, lambda o: o.purchase.max_new if o.purchase else None),
        rented_away_usd=speed * rented,
        owned_away_usd=speed * own,
        unmet_usd=np.array(
            [
                np.nan if w.unmet_usd_per_unit_hour is None else w.unmet_usd_per_unit_hour
                for w in workloads
            ]
        ),
        max_spot_share=spec.limits.max_spot_share,
        integer_use=spec.integer == "all",
        start_usd=_column(offers, lambda o: o.start_usd),
        min_up_hours=_column(offers, lambda o: o.min_up_hours),
        deferrable_hours=np.array([w.deferrable_hours for w in workloads]),
        fixed=_fixed(offers, where),
    )
    plans, pools = plans_of(spec, fleet.on_demand, where)
    return replace(fleet, plans=plans, pools=pools)


def _fixed(offers: Sequence[OfferSpec], where: str) -> dict[tuple[Option, int], float]:
    """Numbers of machines that the user has decided on. Raises BadInput beyond a limit."""
    found: dict[tuple[Option, int], float] = {}
    for number, offer in enumerate(offers):
        place = f"{where}: offers.{number}"
        for option, part in (
            (Option.RESERVED_1Y, offer.reserved_1y),
            (Option.RESERVED_3Y, offer.reserved_3y),
        ):
            if part is not None and part.count is not None:
                _check_fixed(part.count, part.max_count, "max_count", f"{place}.{option}.count")
                found[option, number] = float(part.count)
        committed = sum(n for (_, at), n in found.items() if at == number)
        held = sum(part.count for part in offer.held)
        if committed:
            _check_fixed(committed + held, offer.max_count, "max_count", f"{place}.count")
        bought = offer.purchase
        if bought is not None and bought.count is not None:
            _check_fixed(bought.count, bought.max_new, "max_new", f"{place}.purchase.count")
            found[Option.PURCHASED, number] = float(bought.count)
    return found


def _check_fixed(count: float, most: int | None, limit: str, place: str) -> None:
    if most is not None and count > most:
        raise BadInput(
            f"{count:g} is above the {limit} of {most}",
            where=place,
            remedy=f"ask for {most} or fewer",
        )


def _egress(workloads: Sequence[fields.WorkloadSpec]) -> tuple[Floats, Floats]:
    """USD per unit-hour served on rented, and on own machines, shape (W,) each."""
    rented, own = np.zeros(len(workloads)), np.zeros(len(workloads))
    for number, workload in enumerate(workloads):
        if workload.migration is not None:
            away = own if workload.migration.home == "cloud" else rented
            away[number] = (
                workload.migration.egress_gb_per_unit_hour * workload.migration.egress_usd_per_gb
            )
    return rented, own


def _power(offer: OfferSpec) -> Power | None:
    power = offer.power
    if power is None:
        return None
    return Power(power.busy_kw, power.idle_kw, power.pue, power.usd_per_kwh)


def _running_usd_per_hour(offer: OfferSpec) -> float:
    power = _power(offer)
    return offer.running_usd_per_hour + (power.running_usd_per_hour if power else 0.0)


def _buy_usd(offer: OfferSpec, horizon_hours: float) -> float | None:
    """One machine over the horizon: annuity, staff and the like, idle power."""
    purchase, power = offer.purchase, _power(offer)
    if purchase is None:
        return None
    yearly = purchase.yearly_usd + annuity_usd_per_year(
        purchase.capex_usd, purchase.life_years, purchase.cost_of_capital, purchase.residual_usd
    )
    idle = power.idle_usd_per_hour if power else 0.0
    return (yearly / HOURS_PER_YEAR + idle) * horizon_hours


def _terms(
    offers: Sequence[OfferSpec],
    option: Option,
    pick: Callable[[OfferSpec], fields.Reserved | None],
) -> Terms:
    def of(name: str) -> Floats:
        return _column(offers, lambda o: getattr(pick(o), name) if pick(o) else None)

    most = of("max_count")
    return Terms(
        option, of("usd_per_hour"), of("upfront_usd"), np.where(np.isnan(most), np.inf, most)
    )


def _prices(
    offers: Sequence[OfferSpec], name: str, periods: Periods, reader: _Files, where: str
) -> Floats:
    given = [getattr(offer, name) for offer in offers]
    if not any(isinstance(price, (Series, tuple)) for price in given):
        return _column(offers, lambda o: getattr(o, name))[None, :]
    table = np.full((len(periods), len(offers)), np.nan)
    for number, price in enumerate(given):
        if isinstance(price, (Series, tuple)):
            place = f"{where}: offers.{number}.{name}"
            figures = (
                reader.read(price, place) if isinstance(price, Series) else np.array(price, float)
            )
            if len(figures) < len(periods):
                raise BadInput(
                    f"has {len(figures)} periods, the demand {len(periods)}",
                    where=place,
                    remedy="give a price for every period",
                )
            table[:, number] = figures[: len(periods)]
        elif price is not None:
            table[:, number] = price
    return table


def _held(offers: Sequence[OfferSpec], periods: Periods, where: str) -> Floats:
    """Machines held in each period; one that ends within a period does not count in it."""
    ends = np.arange(1, len(periods) + 1) * periods.hours
    table = np.zeros((len(periods), len(offers)))
    for number, offer in enumerate(offers):
        for held in offer.held:
            table[:, number] += held.count * (held.remaining_hours * (1 + 1e-12) >= ends)
        most = float(table[:, number].max(initial=0.0))
        if offer.max_count is not None and most > offer.max_count:
            raise BadInput(
                f"{offer.max_count} is below the {most:g} machines held",
                where=f"{where}: offers.{number}.max_count",
                remedy="what is held counts: raise it",
            )
    if len(table) and not np.ptp(table, axis=0).any():
        return table[:1]
    return table
