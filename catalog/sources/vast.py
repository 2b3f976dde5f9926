"""Vast: ``POST /api/v0/bundles/``, the search of the marketplace; works without a key.

Its regions are ``all`` and countries by their ISO code (``--only vast --regions US,NO``): which
countries have offers is only known by asking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from catalog.sources.base import Fetched, FetchFailed, Reject
from catalog.sources.bodies import parse_json
from catalog.sources.cloud_rows import ALL, Terms
from catalog.sources.http_source import HttpSource, fetched, required
from catalog.sources.key_files import ApiKey, read_key, whole_text
from catalog.sources.once import Once
from catalog.sources.vast_rows import Offer, offers_of, priced_groups

REMEDY = "make a key at cloud.vast.ai/account and set VAST_API_KEY, or unset it"
# The search returns at most this many; the market has some thousands.
LIMIT = 10_000
# Assumption: below, jobs of hours are as likely to be cut off as on spot.
LEAST_RELIABILITY = 0.9
SEARCH = {
    "verified": {"eq": True},
    "rentable": {"eq": True},
    "rented": {"eq": False},
    "reliability2": {"gte": LEAST_RELIABILITY},
    "type": "on-demand",  # its rows have the least bid of the interruptible kind too
    "order": [["dph_total", "asc"]],
    "limit": LIMIT,
}


class VastSource(HttpSource):
    name: ClassVar[str] = "vast"
    cloud: ClassVar[str] = "vast"
    kinds: tuple[str, ...] = ("on_demand", "spot")
    needs: str = "nothing; a key is used where VAST_API_KEY or ~/.config/vastai has one"
    default_url: ClassVar[str] = "https://console.vast.ai"
    # Vast bills by the second.
    terms: ClassVar[Terms] = Terms("vast", 1, 1)

    def __init__(self) -> None:
        super().__init__()
        self._offers: Once[str, tuple[list[Offer], list[Reject]]] = Once()

    def api_key(self) -> ApiKey:
        files = {".config/vastai/vast_api_key": whole_text, ".vast_api_key": whole_text}
        return read_key("VAST_API_KEY", files, REMEDY)

    def regions(self, known: Sequence[str]) -> list[str]:
        return [ALL, *(region for region in known if region != ALL)]

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        if region != ALL and not re.fullmatch(r"[A-Z]{2}", region):
            raise FetchFailed(
                f"{region!r} is no region of Vast", "say all, or a country by its code (US)"
            )
        offers, rejects = self._offers.get("offers", lambda: self._search(deadline))
        priced = priced_groups(offers, region, kind)
        if not priced:
            raise FetchFailed(f"nothing offered in {region} now", "leave it out or try again later")
        source = (
            f"Vast POST /api/v0/bundles/, lower quartile of the offers of a GPU and count, "
            f"{region}, {kind}"
        )
        return fetched(self.terms, region, kind, priced, rejects, source)

    def _search(self, deadline: float) -> tuple[list[Offer], list[Reject]]:
        answer = self.client().post("/api/v0/bundles/", deadline, json_body=SEARCH)
        raws = required(parse_json(answer.body, "Vast"), "offers", list, "Vast")
        offers, rejects = offers_of(raws)
        if len(raws) >= LIMIT:
            rejects.append(Reject("search", f"cut off at {LIMIT} offers; dearer ones are missing"))
        return offers, rejects
