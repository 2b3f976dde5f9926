"""What a machine of one's own costs: annuity of the purchase, power, staff, colocation, support.

Pure functions. Two readings of "the cost of a machine" must not be mixed: in a capacity plan the
dispatch decides how much a machine is used, so nothing is divided by a utilisation; one job on a
shared site pays for idle hours too, through the utilisation that the user names.
"""

from __future__ import annotations

from catalog.records import dataclass

# Hours of a year of 365 days, the unit in which terms and lives are counted.
HOURS_PER_YEAR = 8760.0


@dataclass(frozen=True, slots=True)
class Power:
    """Electricity of one machine: kW at the plug when busy and idle, PUE (ratio), USD/kWh."""

    busy_kw: float
    idle_kw: float = 0.0
    pue: float = 1.0
    usd_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.idle_kw <= self.busy_kw and self.usd_per_kwh >= 0):
            raise ValueError("power needs 0 <= idle_kw <= busy_kw and usd_per_kwh >= 0")
        if self.pue < 1:
            raise ValueError("a PUE is 1 or more: all power over the machines' own")

    @property
    def idle_usd_per_hour(self) -> float:
        """Owed for every hour that the machine is switched on, busy or not."""
        return self.idle_kw * self.pue * self.usd_per_kwh

    @property
    def running_usd_per_hour(self) -> float:
        """Added by an hour of work, on top of the idle draw."""
        return (self.busy_kw - self.idle_kw) * self.pue * self.usd_per_kwh

    def energy_kwh(self, busy_hours: float, idle_hours: float = 0.0) -> float:
        """Energy at the meter of the site, kWh."""
        return (self.busy_kw * busy_hours + self.idle_kw * idle_hours) * self.pue


def annuity_usd_per_year(
    capex_usd: float, life_years: float, cost_of_capital: float = 0.0, residual_usd: float = 0.0
) -> float:
    """Equal yearly payment that pays back ``capex_usd - residual_usd`` over the life, USD/year.

    ``(capex - residual) r / (1 - (1 + r)^-life)``, the capital recovery factor of any text on
    engineering economics; at ``r = 0`` it is ``(capex - residual) / life``. Raises ValueError for
    a life of 0, a residual above the capex, or a negative amount.
    """
    if life_years <= 0:
        raise ValueError("life_years must be above 0")
    if not 0 <= residual_usd <= capex_usd:
        raise ValueError("residual_usd must lie between 0 and capex_usd")
    if cost_of_capital < 0:
        raise ValueError("cost_of_capital is a yearly rate of 0 or more, e.g. 0.08")
    return (capex_usd - residual_usd) * _recovery_per_year(cost_of_capital, life_years)


def _recovery_per_year(rate: float, years: float) -> float:
    from math import expm1, log1p

    # expm1 keeps the digits at small rates, where 1 - (1 + r)^-n loses them.
    return rate / -expm1(-years * log1p(rate)) if rate > 0 else 1 / years


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of one's own, with what it costs to have and what an hour of work adds.

    ``yearly_usd`` is staff, colocation and support together, per machine and year.
    """

    capex_usd: float
    life_years: float
    cost_of_capital: float = 0.0
    residual_usd: float = 0.0
    power: Power | None = None
    yearly_usd: float = 0.0

    @property
    def fixed_usd_per_hour(self) -> float:
        """Owed for each hour of having it: annuity, staff and the like, idle power."""
        annuity = annuity_usd_per_year(
            self.capex_usd, self.life_years, self.cost_of_capital, self.residual_usd
        )
        idle = self.power.idle_usd_per_hour if self.power else 0.0
        return (annuity + self.yearly_usd) / HOURS_PER_YEAR + idle

    @property
    def running_usd_per_hour(self) -> float:
        """Added by each hour of work."""
        return self.power.running_usd_per_hour if self.power else 0.0

    def shared_usd_per_busy_hour(self, utilisation: float) -> float:
        """Price of an hour of work on a site that is busy for the share ``utilisation`` of time.

        Raises ValueError unless 0 < utilisation <= 1.
        """
        if not 0 < utilisation <= 1:
            raise ValueError("utilisation must be above 0 and at most 1")
        return self.fixed_usd_per_hour / utilisation + self.running_usd_per_hour

    def single_job_usd(self, busy_hours: float) -> float:
        """Cost of buying the machine for one job: the capex whole, and the power of the job."""
        power = self.power.energy_kwh(busy_hours) * self.power.usd_per_kwh if self.power else 0.0
        return self.capex_usd + power


def break_even_utilisation(machine: Machine, rental_usd_per_hour: float) -> float | None:
    """Share of time from which owning beats renting by the hour; None where it never does."""
    saved = rental_usd_per_hour - machine.running_usd_per_hour
    if saved <= 0:
        return None
    share = machine.fixed_usd_per_hour / saved
    return share if share <= 1 else None
