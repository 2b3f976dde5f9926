"""What Google's client libraries raise, as one sentence and a remedy, without secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalog.sources.base import FetchFailed
from catalog.sources.scrub import scrub

LOGIN = "run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS"
PROJECT = "set GOOGLE_CLOUD_PROJECT or run `gcloud config set project PROJECT`"
LATER = "try again later or name fewer regions"
NETWORK = "check the network and the proxy settings"
INSTALL = "pip install 'ai-capacity-planner[gcp]'"
# Reasons with which Google refuses for a while what it will allow again.
THROTTLED = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
DISABLED = {"accessNotConfigured", "SERVICE_DISABLED"}
# What each API is called, its name in `gcloud services enable`, and the role that may read it.
APIS = {
    "compute": ("Compute Engine", "compute.googleapis.com", "roles/compute.viewer"),
    "billing": ("Cloud Billing", "cloudbilling.googleapis.com", "roles/browser"),
    "tpu": ("Cloud TPU", "tpu.googleapis.com", "roles/tpu.viewer"),
}


def reasons(error: Any) -> set[str]:
    """Machine-readable reasons of a Google API error: old style, new style and details."""
    found = {str(getattr(error, "reason", "") or "")}
    parts: Iterable[Any] = [*(getattr(error, "errors", ()) or ())]
    for part in parts:
        if isinstance(part, dict):
            found.add(str(part.get("reason", "")))
    for detail in getattr(error, "details", ()) or ():
        found.add(str(getattr(detail, "reason", "") or ""))
        if isinstance(detail, dict):
            found.add(str(detail.get("reason", "")))
    return found - {""}


def explained(error: Exception, api: str, project: str) -> FetchFailed | None:
    """The failure for what a Google client raised; None for an error that is not Google's."""
    import google.auth.exceptions as auth
    import requests
    from google.api_core import exceptions as api_errors
    from google.protobuf.json_format import ParseError

    if isinstance(error, api_errors.RetryError) and isinstance(error.cause, Exception):
        error = error.cause
    title, service, role = APIS[api]
    where = f" --project={project}" if project else ""
    if isinstance(error, auth.DefaultCredentialsError):
        return FetchFailed("no usable Google Cloud credentials", LOGIN)
    if isinstance(error, auth.TransportError):
        return FetchFailed("Google's token server cannot be reached", NETWORK)
    if isinstance(error, (auth.RefreshError, api_errors.Unauthenticated, api_errors.Unauthorized)):
        return FetchFailed("the Google Cloud credentials have expired or were revoked", LOGIN)
    if isinstance(error, auth.GoogleAuthError):
        return FetchFailed(f"no usable Google Cloud credentials ({type(error).__name__})", LOGIN)
    if isinstance(error, (api_errors.Forbidden, api_errors.TooManyRequests)):
        why = reasons(error)
        if isinstance(error, api_errors.TooManyRequests) or why & THROTTLED:
            return FetchFailed(f"{title}: Google throttled the requests", LATER)
        if why & DISABLED or "has not been used in project" in str(error):
            return FetchFailed(
                f"the {title} API is not enabled in the project",
                f"run `gcloud services enable {service}{where}`",
            )
        return FetchFailed(
            f"{title}: the credentials may not read this",
            f"have {role} granted to them in the project",
        )
    if isinstance(error, api_errors.NotFound):
        return FetchFailed(f"{title}: no such project, region or service", PROJECT)
    if isinstance(error, (ParseError, UnicodeDecodeError, RecursionError)):
        return FetchFailed(f"{title} sent an answer that cannot be read", LATER)
    if isinstance(error, api_errors.GoogleAPICallError):
        code, said = getattr(error, "code", None), scrub(str(error.message or ""))
        return FetchFailed(
            ": ".join(filter(None, (f"{title}: error {int(code or 0)}", said))), LATER
        )
    if isinstance(error, requests.exceptions.Timeout):
        return FetchFailed(f"no whole answer from {title} in time", NETWORK)
    if isinstance(error, requests.RequestException):
        return FetchFailed(f"no whole answer from {title} ({type(error).__name__})", NETWORK)
    return None
