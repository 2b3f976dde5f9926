"""AWS: machines and their prices on demand, on spot, reserved, under plans and in blocks.

With credentials the account is asked through boto3 (the ``aws`` extra): what it may buy, and its
quotas. Without, AWS's public price files are read: no spot price but one derived from the public
advisor's savings, no capacity blocks and no quotas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from catalog.refreshed import Row
from catalog.sources.aws_base import AwsBase
from catalog.sources.aws_blocks import block_row
from catalog.sources.aws_errors import CREDENTIALS
from catalog.sources.aws_plans import plan_confidence
from catalog.sources.aws_prices import Commitment, CommitmentKey, commitment_row
from catalog.sources.aws_quotas import ec2_class
from catalog.sources.aws_rows import USAGE_CLASS, option_row
from catalog.sources.aws_spot import ADVISOR, derived_spot_row, spot_row
from catalog.sources.base import Fetched, FetchedQuotas, FetchFailed, Reject, utc_now

ACCOUNT_ONLY = ("capacity_block", "quotas")


class AwsSource(AwsBase):
    name: ClassVar[str] = "aws"
    cloud: ClassVar[str] = "aws"
    kinds: tuple[str, ...] = (
        "on_demand", "spot", "reservation", "savings_plan", "capacity_block",
    )  # fmt: skip
    has_quotas: bool = True
    needs: str = (
        "nothing for public prices; the aws extra and credentials for spot prices, capacity "
        "blocks and quotas"
    )
    public_kinds: ClassVar[tuple[str, ...]] = ("on_demand", "spot", "reservation", "savings_plan")
    without_account: ClassVar[str] = (
        "prices come from AWS's public files, spot prices are derived from the Spot Instance "
        "Advisor's average savings, capacity blocks and quotas stay unknown"
    )

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        lack = self.checked_lack()
        if lack is not None:
            if kind in ACCOUNT_ONLY:
                raise FetchFailed(f"{kind} needs an account ({lack.what})", lack.remedy)
            return self._from_files(region, kind, deadline)
        fetchers: dict[str, Callable[[str, float], Fetched]] = {
            "on_demand": self._on_demand,
            "spot": self._spot,
            "reservation": self._reservations,
            "savings_plan": self._plans,
            "capacity_block": self._blocks,
        }
        return fetchers[kind](region, deadline)

    def fetch_quotas(self, region: str, deadline: float) -> FetchedQuotas:
        lack = self.checked_lack()
        if lack is not None:
            raise FetchFailed(f"quotas need an account ({lack.what})", lack.remedy)
        quotas, rejects = self.account.quotas(region, "ec2", ec2_class, "vCPU", deadline)
        return FetchedQuotas(
            quotas,
            tuple(rejects),
            f"AWS servicequotas:ListServiceQuotas (ec2), {region}",
            utc_now(),
        )

    def _on_demand(self, region: str, deadline: float) -> Fetched:
        machines = self.account.machines(region, deadline)
        prices = self.account.prices(region, deadline)
        sold, zones, notes = self.account.zones(region, deadline)
        rows = {}
        rejects = [*machines.rejects, *prices.on_demand_rejects, *notes]
        for name, usd in prices.on_demand.items():
            row = option_row(name, region, "on_demand", usd)
            if zones and name in machines.offers:
                count = sold.get(name, 0)
                if not count:
                    rejects.append(Reject(name, "priced, but no zone of the region offers it"))
                    continue
                row["obtainability"] = f"offered in {count} of {zones} zones"
            rows[name] = row
        return self._joined(
            region,
            "on_demand",
            rows.values(),
            rejects,
            f"AWS pricing:GetProducts and ec2:DescribeInstanceTypes, {region}",
            deadline,
        )

    def _spot(self, region: str, deadline: float) -> Fetched:
        rejects = list(self.account.machines(region, deadline).rejects)
        prices, more = self.account.spot(region, deadline)
        advised, notes = self.public.advised(region, deadline)
        return self._joined(
            region,
            "spot",
            [spot_row(region, name, usd, advised.get(name)) for name, usd in prices.items()],
            [*rejects, *more, *notes],
            "AWS ec2:DescribeSpotPriceHistory (median over zones) and "
            f"ec2:DescribeInstanceTypes, {region}",
            deadline,
        )

    def _reservations(self, region: str, deadline: float) -> Fetched:
        rejects = list(self.account.machines(region, deadline).rejects)
        prices = self.account.prices(region, deadline)
        return self._joined(
            region,
            "reservation",
            _commitments(region, "reservation", prices.reserved),
            [*rejects, *prices.reserved_rejects],
            f"AWS pricing:GetProducts (Reserved, standard class), {region}",
            deadline,
        )

    def _plans(self, region: str, deadline: float) -> Fetched:
        rejects = list(self.account.machines(region, deadline).rejects)
        plans = self.account.plans(region, deadline)
        return self._joined(
            region,
            "savings_plan",
            _commitments(region, "savings_plan", plans.reserved),
            [*rejects, *plans.reserved_rejects],
            f"AWS savingsplans:DescribeSavingsPlansOfferingRates (Compute plans), {region}",
            deadline,
        )

    def _blocks(self, region: str, deadline: float) -> Fetched:
        machines = self.account.machines(region, deadline)
        rows, rejects, unread = [], list(machines.rejects), []
        for name, classes in machines.usage.items():
            if classes is None or USAGE_CLASS["capacity_block"] not in classes:
                continue
            row, more = block_row(name, region, self.account.blocks(name, region, deadline))
            unread += more
            if row is not None:
                rows.append(row)
            elif not more:
                rejects.append(Reject(name, "no capacity block on offer"))
        if unread and not rows:  # sold out is an answer, this is not
            raise FetchFailed(
                f"no capacity block could be read ({unread[0].what}: {unread[0].reason})",
                "try again later; if it lasts, please report it",
            )
        source = f"AWS ec2:DescribeCapacityBlockOfferings (cheapest of 24 h), {region}"
        return self._joined(region, "capacity_block", rows, [*rejects, *unread], source, deadline)

    def _joined(
        self,
        region: str,
        kind: str,
        rows: Iterable[dict[str, Any]],
        rejects: list[Reject],
        source: str,
        deadline: float,
    ) -> Fetched:
        """Rows of machines that the region has and sells in this way; the others are rejects."""
        machines = self.account.machines(region, deadline)
        wanted = USAGE_CLASS.get(kind, USAGE_CLASS["on_demand"])
        already = {reject.what for reject in machines.rejects}
        options = []
        for row in sorted(rows, key=lambda row: str(row["instance_type"])):
            name = row["instance_type"]
            classes = machines.usage.get(name)
            if name not in machines.offers:
                if name not in already:
                    reason = "priced, but not among the region's instance types"
                    rejects.append(Reject(name, reason))
                    already.add(name)
            elif classes is not None and wanted not in classes:
                sold_as = ", ".join(sorted(classes))
                rejects.append(Reject(name, f"priced, but sold as {sold_as} only"))
            else:
                options.append(row)
        return _fetched(machines.offers, options, rejects, source)

    def _from_files(self, region: str, kind: str, deadline: float) -> Fetched:
        file = self.public.prices(region, deadline)
        source = f"AWS public price file of AmazonEC2, {region} (no account asked)"
        rejects = list(file.rejects)
        rows: list[dict[str, Any]] = []
        prices = file.prices
        if kind == "on_demand":
            rejects += prices.on_demand_rejects
            rows = [option_row(name, region, kind, usd) for name, usd in prices.on_demand.items()]
        elif kind == "reservation":
            rejects += prices.reserved_rejects
            rows = _commitments(region, kind, prices.reserved)
        elif kind == "savings_plan":
            plans = self.public.plans(region, deadline)
            source = f"AWS public Compute Savings Plans file, {region} (no account asked)"
            rejects += plans.reserved_rejects
            rows = _commitments(region, kind, plans.reserved)
        else:
            advised, notes = self.public.advised(region, deadline)
            if notes:  # nothing to derive a price from
                raise FetchFailed(
                    f"spot prices are {notes[0].reason}", f"{CREDENTIALS}: the account knows them"
                )
            source = f"derived: on demand of the {source}, less the average saving of the {ADVISOR}"
            for name, usd in prices.on_demand.items():
                row = (
                    derived_spot_row(region, name, usd, advised[name]) if name in advised else None
                )
                if row is not None:
                    rows.append(row)
        known = [row for row in rows if row["instance_type"] in file.machines]
        known.sort(key=lambda row: str(row["instance_type"]))
        return _fetched(file.machines, known, rejects, source, file.published)


def _commitments(
    region: str, kind: str, found: dict[CommitmentKey, Commitment]
) -> list[dict[str, Any]]:
    return [
        commitment_row(
            region, kind, key, terms, plan_confidence(key) if kind == "savings_plan" else "document"
        )
        for key, terms in found.items()
    ]


def _fetched(
    machines: Mapping[str, Row],
    options: Sequence[Row],
    rejects: Iterable[Reject],
    source: str,
    as_of: datetime | None = None,
) -> Fetched:
    sold = sorted({str(row["instance_type"]) for row in options})
    return Fetched(
        offers=tuple(machines[name] for name in sold),
        options=tuple(options),
        rejects=tuple(dict.fromkeys(rejects)),
        source=source,
        fetched_at=utc_now(),
        as_of=as_of,
    )
