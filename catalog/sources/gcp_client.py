"""Google's own client libraries, set up for a refresh: credentials, endpoint, retries, pages.

``PLANNER_ENDPOINT_GCP`` moves all of them to another base URL; credentials are never sent there.
"""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from catalog.sources.base import FetchFailed, Missing, check_deadline
from catalog.sources.endpoints import endpoint, variable
from catalog.sources.gcp_errors import INSTALL, LOGIN, PROJECT, THROTTLED, explained, reasons

Value = TypeVar("Value")
MODULES = ("google.cloud.compute_v1", "google.cloud.billing_v1", "google.cloud.tpu_v2")
PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
# An API key is enough for the price list; machine types need a project's credentials.
API_KEY = "GOOGLE_API_KEY"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
READ_TIMEOUT_S = 60.0
# Compute Engine's request quota fills up again at the next minute.
RETRY_FOR_S = 90.0
# Some zones' TPU lists answer 503 for months; there is something else to take.
TPU_RETRY_FOR_S = 5.0
RETRY_FIRST_S = 0.5
RETRY_LONGEST_S = 20.0
# Times a broken connection is tried again: one that stays broken will not mend by asking on.
CONNECTION_ATTEMPTS = 3
# A page of 5,000 SKUs has about 8 MB.
LARGEST_ANSWER = 64 << 20
CHUNK = 1 << 16
# How long a failure of what all slices need stands for all of them.
FAILURE_STANDS_S = 30.0


class SharedAnswer(Generic[Value]):
    """Something all slices of a refresh need: one thread asks, the others wait for its answer.

    A failure is given to those who waited too, instead of as many attempts as there are slices.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: tuple[Value] | None = None
        self._failure: tuple[FetchFailed, float] | None = None

    def get(self, deadline: float, ask: Callable[[], Value]) -> Value:
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise FetchFailed(
                "out of time while another region's thread asked for what all share",
                "try again, name fewer regions or raise --deadline",
            )
        try:
            if self._value is None:
                if self._failure and time.monotonic() - self._failure[1] < FAILURE_STANDS_S:
                    raise self._failure[0]
                try:
                    self._value = (ask(),)
                except FetchFailed as failure:
                    if time.monotonic() < deadline:  # else only this caller's time was up
                        self._failure = failure, time.monotonic()
                    raise
            return self._value[0]
        finally:
            self._lock.release()


class GoogleClients:
    """Clients of one refresh. Methods may be called from several threads."""

    def __init__(self, name: str = "gcp") -> None:
        self.name = name
        self._credentials: SharedAnswer[tuple[Any, str]] = SharedAnswer()

    def missing(self) -> Missing | None:
        """What keeps the clients from being used. Looks at files only, never at the network."""
        for module in MODULES:
            try:
                found = find_spec(module) is not None
            except ModuleNotFoundError:
                found = False
            if not found:
                return Missing(f"{module} is not installed", INSTALL)
        if os.environ.get(variable(self.name)):
            return None
        return _missing_login()

    def project(self, deadline: float) -> str:
        return self._login(deadline)[1]

    def compute(self, kind: str, deadline: float) -> Any:
        """The Compute Engine client ``MachineTypes``, ``AcceleratorTypes`` or ``Regions``."""
        from google.cloud import compute_v1

        return _guarded(getattr(compute_v1, f"{kind}Client")(**self._options(deadline)))

    def billing(self, deadline: float) -> Any:
        from google.cloud import billing_v1

        key = os.environ.get(API_KEY, "").strip()
        if key and not os.environ.get(variable(self.name)):
            options: dict[str, Any] = {"client_options": {"api_key": key}}
        else:
            options = self._options(deadline)
        return _guarded(billing_v1.CloudCatalogClient(transport="rest", **options))

    def tpu(self, deadline: float) -> Any:
        from google.cloud import tpu_v2

        return _guarded(tpu_v2.TpuClient(transport="rest", **self._options(deadline)))

    def call(self, api: str, deadline: float, method: Callable[..., Any], **request: Any) -> Any:
        """One call, tried again while it makes sense. Raises FetchFailed."""
        check_deadline(deadline, f"starting to ask Google's {api} API")
        try:
            return method(**request, **_patience(api, deadline))
        except Exception as error:
            known = explained(error, api, self._known_project())
            if known is None:  # not Google's doing: a bug of ours must show as one
                raise
            raise known from None  # the chain may hold credentials

    def pages(
        self, api: str, deadline: float, method: Callable[..., Any], **request: Any
    ) -> Iterator[Any]:
        """All pages of a list call as plain protobuf messages.

        A pager's own attributes show its first page only, and iterating it hides what a page says
        about zones that were not reached.
        """
        pager = self.call(api, deadline, method, **request)
        pages = iter(pager.pages)
        while True:
            check_deadline(deadline, f"reading from Google's {api} API")
            page = self.call(api, deadline, lambda **_: next(pages, None))
            if page is None:
                return
            yield type(page).pb(page)

    def _options(self, deadline: float) -> dict[str, Any]:
        credentials, _ = self._login(deadline)
        base = os.environ.get(variable(self.name))
        if not base:
            return {"credentials": credentials}
        return {
            "credentials": credentials,
            "client_options": {"api_endpoint": endpoint(self.name, base)},
        }

    def _login(self, deadline: float) -> tuple[Any, str]:
        return self._credentials.get(deadline, self._ask_login)

    def _ask_login(self) -> tuple[Any, str]:
        import google.auth
        from google.auth.credentials import AnonymousCredentials
        from google.oauth2.credentials import Credentials as UserCredentials

        named = next((os.environ[n] for n in PROJECT_VARIABLES if os.environ.get(n)), "")
        if os.environ.get(variable(self.name)):
            return AnonymousCredentials(), named or "planner"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a quota project, which is set below
                credentials, project = google.auth.default(scopes=SCOPES)
        except Exception as error:
            known = explained(error, "compute", "")
            if known is None:
                raise
            raise known from None
        project = named or project or getattr(credentials, "quota_project_id", None)
        if not project:
            raise FetchFailed("no Google Cloud project is set", PROJECT)
        if isinstance(credentials, UserCredentials) and not credentials.quota_project_id:
            # Billing and TPU refuse a person's own login that names no project to count for.
            credentials = credentials.with_quota_project(str(project))
        return credentials, str(project)

    def _known_project(self) -> str:
        return next((os.environ[n] for n in PROJECT_VARIABLES if os.environ.get(n)), "")


class _WorthRetrying:
    """Whether an error is likely to pass; counts broken connections."""

    def __init__(self) -> None:
        self._broken = 0

    def __call__(self, error: BaseException) -> bool:
        import requests
        from google.api_core import exceptions as api_errors

        passing = (
            api_errors.TooManyRequests,
            api_errors.ServiceUnavailable,
            api_errors.GatewayTimeout,
            api_errors.BadGateway,
        )
        if isinstance(error, passing):
            return True
        if isinstance(error, api_errors.Forbidden):  # how Compute Engine throttles
            return bool(reasons(error) & THROTTLED)
        if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            self._broken += 1
            return self._broken < CONNECTION_ATTEMPTS
        return False


def _guarded(client: Any) -> Any:
    """With answers bounded in size and time, and no redirects: Google's APIs send none."""
    import requests
    from requests.adapters import HTTPAdapter

    class Bounded(HTTPAdapter):
        def send(self, *request: Any, **options: Any) -> Any:
            end = time.monotonic() + READ_TIMEOUT_S
            response = super().send(*request, **{**options, "stream": True})
            body = bytearray()
            for piece in response.iter_content(CHUNK):
                body += piece
                if len(body) > LARGEST_ANSWER:
                    response.close()
                    raise requests.exceptions.ContentDecodingError("too large an answer")
                if time.monotonic() > end:
                    response.close()
                    raise requests.exceptions.ReadTimeout("too slow an answer")
            response._content = bytes(body)
            return response

    # The libraries offer no other way to their HTTP session.
    session = client.transport._session
    session.max_redirects = 0
    for scheme in ("https://", "http://"):
        session.mount(scheme, Bounded())
    return client


def _patience(api: str, deadline: float) -> dict[str, Any]:
    """Retry and timeout of one call. By default the libraries retry 503 and 504, or nothing.

    A Retry-After that a server sends is not slept: the next attempt comes after at most
    ``RETRY_LONGEST_S``, and the deadline ends them all.
    """
    from google.api_core.retry import Retry

    left = max(0.1, deadline - time.monotonic())
    return {
        "retry": Retry(
            predicate=_WorthRetrying(),
            initial=RETRY_FIRST_S,
            maximum=RETRY_LONGEST_S,
            timeout=min(TPU_RETRY_FOR_S if api == "tpu" else RETRY_FOR_S, left),
        ),
        "timeout": min(READ_TIMEOUT_S, left),
    }


def _missing_login() -> Missing | None:
    """What `google.auth.default` would not find, without asking anyone."""
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "").strip()
    path = Path(named) if named else _gcloud_folder() / "application_default_credentials.json"
    if not path.is_file():
        if named:
            return Missing("the file GOOGLE_APPLICATION_CREDENTIALS names is not there", LOGIN)
        if _on_google_cloud():
            return None  # the machine's own service account, which also knows its project
        return Missing("no Google Cloud application default credentials found", LOGIN)
    try:
        document = json.loads(path.read_bytes())
        kind = document["type"]
    except (OSError, ValueError, KeyError, TypeError):
        return Missing(f"{path.name} is not a credentials file", LOGIN)
    if any(os.environ.get(name) for name in PROJECT_VARIABLES):
        return None
    if kind == "service_account" and document.get("project_id"):
        return None
    if _gcloud_project() or document.get("quota_project_id"):
        return None
    return Missing("no Google Cloud project is set", PROJECT)


def _gcloud_folder() -> Path:
    if folder := os.environ.get("CLOUDSDK_CONFIG"):
        return Path(folder)
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", "~")).expanduser() / "gcloud"
    return Path.home() / ".config" / "gcloud"


def _gcloud_project() -> str:
    """Project of gcloud's active configuration, which google.auth asks gcloud for."""
    import configparser

    folder = _gcloud_folder()
    try:
        name = (folder / "active_config").read_text(encoding="utf-8").strip() or "default"
        parser = configparser.ConfigParser()
        parser.read(folder / "configurations" / f"config_{name}", encoding="utf-8")
        return parser.get("core", "project", fallback="")
    except (OSError, configparser.Error, UnicodeDecodeError):
        return ""


def _on_google_cloud() -> bool:
    """Whether this is a Google machine, as its firmware says; no metadata server is asked."""
    if os.environ.get("K_SERVICE") or os.environ.get("GAE_ENV"):
        return True
    try:
        product = Path("/sys/class/dmi/id/product_name").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return product.startswith("Google")
