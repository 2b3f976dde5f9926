"""gpuhunt's hosted catalog: a version pointer, then ``VERSION/catalog.zip`` with one CSV.

Read as data at the user's wish; no code of gpuhunt is used.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import ClassVar

from catalog.sources.archives import zip_member
from catalog.sources.base import Reject
from catalog.sources.bodies import parse_csv
from catalog.sources.gpuhunt_rows import REQUIRED, hosted_rows
from catalog.sources.hosted_rows import Rejects, by_region
from catalog.sources.hosted_source import HostedFile, HostedSource
from catalog.sources.http_source import changed_shape

# Our names of clouds: gpuhunt's.
PROVIDERS = {
    "aws": "aws", "azure": "azure", "gcp": "gcp", "lambda": "lambdalabs", "nebius": "nebius",
    "oci": "oci", "runpod": "runpod", "verda": "verda",
}  # fmt: skip
VERSION = re.compile(r"(20\d{6})-\d{1,12}")
MOST_POINTER_BYTES = 1 << 10
MOST_ARCHIVE_BYTES = 32 << 20
MOST_CSV_BYTES = 128 << 20


class GpuhuntSource(HostedSource):
    name: ClassVar[str] = "gpuhunt"
    clouds: ClassVar[tuple[str, ...]] = tuple(PROVIDERS)
    needs: str = "nothing, but must be named: --only gpuhunt"
    default_url: ClassVar[str] = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com"

    def download(self, cloud: str, deadline: float) -> HostedFile:
        provider = PROVIDERS[cloud]
        client = self.client()
        folder = f"/v3/{provider}"
        pointer = client.get(f"{folder}/version", deadline, limit_bytes=MOST_POINTER_BYTES)
        version = pointer.body.decode("ascii", "replace").strip()
        match = VERSION.fullmatch(version)
        if match is None:  # it becomes part of the next URL
            raise changed_shape(f"gpuhunt {provider}", "the version pointer holds no version")
        path = f"{folder}/{version}/catalog.zip"
        archive = client.get(path, deadline, limit_bytes=MOST_ARCHIVE_BYTES, cached=True)
        what = f"gpuhunt catalog v3/{provider}/{version}"
        body = zip_member(archive.body, f"{provider}.csv", what, limit_bytes=MOST_CSV_BYTES)
        bad_lines: list[Reject] = []
        rejects = Rejects()
        rows = parse_csv(body, what, required=REQUIRED, rejects=bad_lines)
        slices = by_region(cloud, hosted_rows(cloud, rows, rejects), rejects)
        slices.rejects.extend(bad_lines)
        return HostedFile(slices, what, _day(match[1]))


def _day(digits: str) -> datetime | None:
    try:
        return min(datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC), datetime.now(UTC))
    except ValueError:
        return None
