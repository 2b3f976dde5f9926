"""What a live source is, and who calls it.

``catalog.refresh`` opens a source by its name in ``catalog.sources.SOURCES``, asks it once what is
``missing()``, then calls ``fetch`` for each region and purchase kind (and ``fetch_quotas`` for each
region, where it has quotas), several at a time from different threads. A source only fetches and
translates: checks are in ``catalog.integrity``, publishing is in ``catalog.refresh``.

What a source hands over:

- Rows have the columns of the snapshot tables ``offers`` and ``purchase_options`` without
  ``source`` (docs/catalog-attributes.md). Left-out columns are unknown.
- ``usd_per_hour`` is for the whole machine and while it is held. A commitment states its term in
  ``term_months``, its ``payment``, and what is paid at its start in ``upfront_usd``; then
  ``usd_per_hour`` is what comes on top (0 when all is paid upfront). Never a whole term's price.
- A capacity block states its upfront price by the hour.
- Spot rows carry ``interruption_per_month_low``/``high`` (fractions; no high = open) and
  ``interruption_source`` (a citation of its own, in words) where the provider publishes them.
- Rows of a managed platform carry the platform's name of the machine (``ml.g5.xlarge``). Its
  hardware is that of the plain machine; where the cloud has none of that name, the source sends
  an ``offers`` row under the platform's name.
- One fetch is one cloud, region and kind, all of what is sold there: a published slice replaces
  all rows of its cloud, region, kind and platform. A cloud with one price for all regions has
  one region, ``all``.
- What cannot become a row is a ``Reject`` with its reason, never a guess.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from catalog.quotas import Quota
from catalog.records import dataclass
from catalog.refreshed import Row

# Stands where a purchase kind stands in a refresh: the account's quotas of a region.
QUOTAS = "quotas"


@dataclass(frozen=True, slots=True)
class Reject:
    """Something the provider sent that does not become a row, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What a source lacks before it can be asked, and what the user runs to get it."""

    what: str
    remedy: str


class FetchFailed(Exception):
    """One region and kind could not be fetched. Texts never hold a secret."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}; {remedy}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """One region and purchase kind as the provider told it.

    ``source`` names the calls the rows came from, in words, without keys. ``fetched_at`` is now
    (UTC); ``as_of`` is when the figures were true, where the provider publishes an older time.
    """

    offers: tuple[Row, ...]
    options: tuple[Row, ...]
    rejects: tuple[Reject, ...]
    source: str
    fetched_at: datetime
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class FetchedQuotas:
    """What an account may use in one region. Private: never part of a shared catalog."""

    quotas: tuple[Quota, ...]
    rejects: tuple[Reject, ...]
    source: str
    fetched_at: datetime


class Source(ABC):
    """A provider that can be asked for offers and prices.

    To add one, write a subclass in a file of its own and list it in ``catalog.sources.SOURCES``.
    Its module must import without its SDK: import that inside functions. One object serves all
    regions and kinds of one refresh, so that it may keep what several of them need.
    """

    # Its word in the registry and in --only: aws, sagemaker, skypilot ...
    name: ClassVar[str]
    # Cloud of its rows, as in the table offers; empty for a hosted catalog of several clouds.
    cloud: ClassVar[str]
    # Clouds of a hosted catalog.
    clouds: ClassVar[tuple[str, ...]] = ()
    # Empty for plain machines, else sagemaker, vertex-ai or azure-ml.
    platform: ClassVar[str] = ""
    # Purchase kinds it can fetch, as in catalog.offers.PurchaseKind.
    kinds: tuple[str, ...]
    # Asked only when --only names it.
    opt_in: ClassVar[bool] = False
    # One line for `planner doctor`: what it needs (an extra, a key, nothing).
    needs: str = ""
    has_quotas: bool = False
    # Most calls of fetch at a time.
    workers: ClassVar[int] = 4

    @abstractmethod
    def missing(self) -> Missing | None:
        """What must be installed or configured first; None when it can be asked. No network."""

    @abstractmethod
    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        """Ask the provider. Called from several threads at once.

        ``deadline`` is a ``time.monotonic()`` value; the source stops asking when it has passed.
        Raises FetchFailed.
        """

    def fetch_quotas(self, region: str, deadline: float) -> FetchedQuotas:
        """The account's quotas in a region, where ``has_quotas``. Raises FetchFailed."""
        del region, deadline
        raise FetchFailed(f"{self.name} has no quotas", "leave quotas out of --kinds")

    def regions(self, known: Sequence[str]) -> list[str]:
        """Regions worth asking when the user names none. No network.

        ``known`` are the regions the catalog has of ``cloud``; of a hosted catalog, words
        ``CLOUD/REGION`` of all its ``clouds``.
        """
        return list(known)

    def place(self, region: str) -> tuple[str, str]:
        """Cloud and region that a region's word stands for: ``CLOUD/REGION`` in hosted catalogs."""
        if self.cloud:
            return self.cloud, region
        cloud, _, rest = region.partition("/")
        return cloud, rest


def check_deadline(deadline: float, doing: str) -> None:
    """Raise FetchFailed once the deadline has passed."""
    if time.monotonic() > deadline:
        raise FetchFailed(
            f"out of time while {doing}", "try again, name fewer regions or raise --deadline"
        )


def utc_now() -> datetime:
    """The time of a fetch, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
