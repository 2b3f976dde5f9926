"""Catalogs that others host: opt-in, several clouds, one file for each of them.

Their regions are words ``CLOUD/REGION``. Nothing of their data is part of this program: it is
fetched by the user, when asked for by name.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from catalog.sources.base import Fetched, FetchFailed, utc_now
from catalog.sources.hosted_rows import Slices, rows_of
from catalog.sources.http_source import HttpSource
from catalog.sources.once import Once


@dataclass(frozen=True, slots=True)
class HostedFile:
    """What a file says of one cloud. ``version`` names the file in words, without its host."""

    slices: Slices
    version: str
    as_of: datetime | None


class HostedSource(HttpSource):
    cloud: ClassVar[str] = ""
    kinds: tuple[str, ...] = ("on_demand", "spot")
    opt_in: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._files: Once[str, HostedFile] = Once()

    @abstractmethod
    def download(self, cloud: str, deadline: float) -> HostedFile:
        """Fetch and read the file of one cloud. Raises FetchFailed."""

    def regions(self, known: Sequence[str]) -> list[str]:
        return [word for word in known if word.partition("/")[0] in self.clouds]

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        cloud, place = self.place(region)
        if cloud not in self.clouds or not place:
            raise FetchFailed(
                f"{self.name} has no prices of {region!r}",
                f"say CLOUD/REGION with a cloud of {', '.join(self.clouds)}",
            )
        file = self._files.get(cloud, lambda: self.download(cloud, deadline))
        hosted = file.slices.rows.get((place, kind == "spot"), [])
        if not hosted:
            raise FetchFailed(
                f"{file.version} has no {kind} price of {region}", "leave the region or kind out"
            )
        offers, options, rejects = rows_of(cloud, place, kind, hosted)
        now = utc_now()
        rejected = (*file.slices.rejects, *rejects)
        return Fetched(offers, options, rejected, f"{file.version}, {kind}", now, file.as_of)
