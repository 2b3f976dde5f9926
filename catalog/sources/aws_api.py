"""The account's side of AWS: one session, its clients, paged calls with deadlines.

``AWS_ENDPOINT_URL`` and the other settings of boto3 work as usual.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from catalog.sources.aws_errors import EXTRA, LATER, Unreadable, explained
from catalog.sources.base import FetchFailed, check_deadline

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 20
ATTEMPTS = 6
# How the client waits and slows down when AWS throttles it.
RETRY_MODE = "adaptive"
# More pages than any account or price list has: tokens that run in a circle end here.
MAX_PAGES = 5000
# How often an answer that cannot be read is asked for, in all.
UNREADABLE_ATTEMPTS = 2
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class AwsApi:
    """Calls of one account. Shared by threads: sessions are not safe for that, clients are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    @staticmethod
    def installed() -> bool:
        return find_spec("boto3") is not None

    def has_credentials(self) -> bool:
        """Whether there are any; they may still be refused.

        Raises what botocore raises for profiles and files it cannot use.
        """
        with self._lock:
            return self._open_session().get_credentials() is not None

    def pages(
        self, region: str, service: str, operation: str, deadline: float, **request: Any
    ) -> Iterator[dict[str, Any]]:
        """Answers page by page. Raises FetchFailed, between pages also for the deadline.

        An answer that cannot be read (half of one, a proxy's page) is asked for again: boto3 does
        so for errors, but not for these.
        """
        check_deadline(deadline, f"starting {operation}")
        answers = self._answers(region, service, operation, request)
        done, unread = 0, 0
        while done < MAX_PAGES:
            try:
                page = self._next(answers, region, operation)
            except Unreadable:
                unread += 1
                if unread == UNREADABLE_ATTEMPTS:
                    raise
                answers = self._answers(region, service, operation, request)
                for _ in range(done):  # a broken paginator cannot go on where it was
                    self._next(answers, region, operation)
                continue
            if page is None:
                return
            done += 1
            yield page
            check_deadline(deadline, f"reading {operation} (page {done})")
        raise FetchFailed(f"{operation}: more than {MAX_PAGES} pages", "please report it")

    def _answers(
        self, region: str, service: str, operation: str, request: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        try:
            client = self._client(region, service)
            if client.can_paginate(operation):
                return iter(client.get_paginator(operation).paginate(**request))
            return self._by_hand(getattr(client, operation), request)
        except ImportError as error:
            raise FetchFailed(f"boto3 cannot be imported ({error.name})", EXTRA) from error
        except Exception as error:
            known = explained(error, region)
            if known is None:  # not AWS's doing: a bug of ours must show as one
                raise
            raise known from None  # the chain may hold signed requests

    @staticmethod
    def _next(
        answers: Iterator[dict[str, Any]], region: str, operation: str
    ) -> dict[str, Any] | None:
        try:
            return next(answers, None)
        except FetchFailed:
            raise
        except Exception as error:
            known = explained(error, region)
            if known is None and isinstance(error, UNREADABLE):
                # botocore's parsers stumble in these ways over what is not AWS's answer.
                said = f"{operation}: AWS sent an answer that cannot be read"
                known = Unreadable(f"{said} ({type(error).__name__})", LATER)
            if known is None:
                raise
            raise known from None

    @staticmethod
    def _by_hand(call: Any, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Operations for which boto3 has no paginator: savings plans."""
        page = call(**request)
        yield page
        seen = set()
        while token := page.get("nextToken"):
            if token in seen:
                raise FetchFailed("AWS sent the same page token twice", "try again later")
            seen.add(token)
            page = call(**request, nextToken=token)
            yield page

    def _client(self, region: str, service: str) -> Any:
        from botocore.config import Config

        with self._lock:
            if (region, service) not in self._clients:
                self._clients[region, service] = self._open_session().client(
                    service,
                    region_name=region,
                    config=Config(
                        connect_timeout=CONNECT_TIMEOUT_S,
                        read_timeout=READ_TIMEOUT_S,
                        retries={"mode": RETRY_MODE, "total_max_attempts": ATTEMPTS},
                    ),
                )
            return self._clients[region, service]

    def _open_session(self) -> Any:
        import boto3

        if self._session is None:
            self._session = boto3.session.Session()
        return self._session
