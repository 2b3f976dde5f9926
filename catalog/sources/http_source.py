"""What sources of plain HTTP have in common: an address, perhaps a key, one shared client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from catalog.sources.base import Fetched, FetchFailed, Missing, Reject, Source, utc_now
from catalog.sources.cloud_rows import ALL, Priced, Terms
from catalog.sources.endpoints import endpoint
from catalog.sources.key_files import ApiKey
from catalog.sources.once import Once

if TYPE_CHECKING:
    from catalog.sources.http import HttpClient


class HttpSource(Source):
    """A source that is asked through ``catalog.sources.http``. ``default_url`` is its base URL."""

    default_url: ClassVar[str]
    # Nothing can be asked without a key; else a key is sent only where there is one.
    key_required: ClassVar[bool] = False
    workers: ClassVar[int] = 2

    def __init__(self) -> None:
        self._clients: Once[str, HttpClient] = Once()

    def api_key(self) -> ApiKey:
        """The key as it is configured now; without one, an empty key."""
        return ApiKey("")

    def missing(self) -> Missing | None:
        try:
            endpoint(self.name, self.default_url)
        except FetchFailed as error:
            return Missing(error.problem, error.remedy)
        return self.api_key().missing if self.key_required else None

    def client(self) -> HttpClient:
        """The client of all threads. Raises FetchFailed for an unusable base URL."""
        return self._clients.get(self.name, self._open)

    def _open(self) -> HttpClient:
        from catalog.sources.http import HttpClient

        key = self.api_key()
        remedy = key.missing.remedy if key.missing else f"check the API key of {self.name}"
        return HttpClient(
            self.name,
            self.default_url,
            headers=key.headers,
            secrets=[key.value],
            credentials_remedy=remedy,
        )


class OnePriceSource(HttpSource):
    """A cloud that asks the same price everywhere: its region is ``all``."""

    terms: ClassVar[Terms]

    def regions(self, known: Sequence[str]) -> list[str]:
        del known
        return [ALL]

    def check_region(self, region: str) -> None:
        """Raises FetchFailed for another region than ``all``."""
        if region != ALL:
            raise FetchFailed(
                f"{self.name} has one price for all regions, not one of {region}",
                f"say --regions {ALL}",
            )


def fetched(
    terms: Terms,
    region: str,
    kind: str,
    priced: Sequence[Priced],
    rejects: Sequence[Reject],
    source: str,
    as_of: datetime | None = None,
) -> Fetched:
    """The rows of priced machines as one fetched slice."""
    offers, options = terms.rows(region, kind, priced)
    now = utc_now()
    return Fetched(offers, options, tuple(rejects), source, now, as_of)


def changed_shape(what: str, detail: str) -> FetchFailed:
    """The failure for an answer whose outer shape is not the known one."""
    return FetchFailed(
        f"{what}: {detail}", "try again later; if it lasts, the API changed: please report it"
    )


def required(document: Any, key: str, kind: type, what: str) -> Any:
    """``document[key]`` where it is of ``kind``. Raises FetchFailed."""
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise changed_shape(what, f"no {key!r} in the answer")
    return value
