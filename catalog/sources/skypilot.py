"""SkyPilot's hosted catalog: ``catalogs/v8/CLOUD/vms.csv`` on GitHub, with a mirror on S3.

Where the current version has no file of a cloud, the one before is read; the mirror is asked on
any failure. The files are read as data; no code of SkyPilot is used.
"""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from catalog.sources.base import FetchFailed, Reject
from catalog.sources.bodies import parse_csv
from catalog.sources.endpoints import endpoint
from catalog.sources.hosted_rows import Rejects, by_region
from catalog.sources.hosted_source import HostedFile, HostedSource
from catalog.sources.skypilot_rows import REQUIRED, hosted_rows

if TYPE_CHECKING:
    from catalog.sources.http import Answer, HttpClient

VERSIONS = ("v8", "v7")
MIRROR = "https://skypilot-catalog.s3.us-east-1.amazonaws.com/catalogs"
MOST_BYTES = 128 << 20


class SkypilotSource(HostedSource):
    name: ClassVar[str] = "skypilot"
    clouds: ClassVar[tuple[str, ...]] = (
        "aws", "azure", "gcp", "hyperstack", "lambda", "nebius", "oci", "runpod", "verda",
    )  # fmt: skip
    needs: str = "nothing, but must be named: --only skypilot"
    default_url: ClassVar[str] = (
        "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs"
    )

    def download(self, cloud: str, deadline: float) -> HostedFile:
        version, answer = self._newest(cloud, deadline)
        what = f"SkyPilot catalog {version}/{cloud}/vms.csv"
        bad_lines: list[Reject] = []
        rejects = Rejects()
        rows = parse_csv(answer.body, what, required=REQUIRED, rejects=bad_lines, whole_lines=True)
        slices = by_region(cloud, hosted_rows(cloud, rows, rejects), rejects)
        slices.rejects.extend(bad_lines)
        return HostedFile(slices, what, _last_modified(answer))

    def _newest(self, cloud: str, deadline: float) -> tuple[str, Answer]:
        from catalog.sources.http import HttpFailed

        failure: FetchFailed | None = None
        for version in VERSIONS:
            absent = True
            for client in self._hosts():
                try:
                    path = f"{version}/{cloud}/vms.csv"
                    answer = client.get(path, deadline, limit_bytes=MOST_BYTES, cached=True)
                    return version, answer
                except HttpFailed as error:
                    failure = failure or error
                    absent = absent and error.status in (403, 404)  # S3 says 403 of what is not
            if not absent:  # out of order is not gone: an older file would pass for a newer one
                break
        raise failure or FetchFailed(f"no file of {cloud}", "try again later")

    def _hosts(self) -> list[HttpClient]:
        first = self.client()
        if endpoint(self.name, MIRROR) == first.base_url:
            return [first]
        return [first, self._clients.get("mirror", self._open_mirror)]

    def _open_mirror(self) -> HttpClient:
        from catalog.sources.http import HttpClient

        return HttpClient(self.name, MIRROR)


def _last_modified(answer: Answer) -> datetime | None:
    try:
        when = email.utils.parsedate_to_datetime(answer.headers.get("last-modified", ""))
        return min(when.astimezone(UTC), answer.fetched_at)
    except (TypeError, ValueError, OverflowError):
        return None
