"""What a live source is, and who calls it.

``catalog.refresh`` opens a source, asks it once what is ``missing()``, then calls ``fetch`` for
each region and purchase kind, several at a time from different threads. A source only fetches
and translates: checks are in ``catalog.integrity``, publishing is in ``catalog.refresh``.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from catalog.records import dataclass
from catalog.refreshed import Row


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

    ``offers`` and ``options`` have columns of the snapshot tables ``offers`` and
    ``purchase_options`` without ``source``. ``source`` names the calls they came from.
    """

    offers: tuple[Row, ...]
    options: tuple[Row, ...]
    rejects: tuple[Reject, ...]
    source: str
    fetched_at: datetime


class Source(ABC):
    """A provider that can be asked for offers and prices.

    To add one, write a subclass in a file of its own and list it in
    ``catalog.sources.PROVIDERS``. Its module must import without its SDK: import that inside
    functions.
    """

    cloud: ClassVar[str]
    # Purchase kinds it can fetch, as in catalog.offers.PurchaseKind.
    kinds: ClassVar[tuple[str, ...]]

    @abstractmethod
    def missing(self) -> Missing | None:
        """What must be installed or configured first; None when it can be asked."""

    @abstractmethod
    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        """Ask the provider. Called from several threads at once.

        ``deadline`` is a ``time.monotonic()`` value; the source stops asking when it has passed.
        Raises FetchFailed.
        """

    def regions(self, known: Sequence[str]) -> list[str]:
        """Of the regions the catalog knows, those worth asking when the user names none."""
        return list(known)


def check_deadline(deadline: float, doing: str) -> None:
    """Raise FetchFailed once the deadline has passed."""
    if time.monotonic() > deadline:
        raise FetchFailed(
            f"out of time while {doing}", "try again, name fewer regions or raise --deadline"
        )
