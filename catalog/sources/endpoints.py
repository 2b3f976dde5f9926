"""Where a plain HTTP source is asked: its own address or ``PLANNER_ENDPOINT_<NAME>``."""

from __future__ import annotations

import ipaddress
import os
import urllib.parse

from catalog.sources.base import FetchFailed
from catalog.sources.scrub import bare_url


def variable(name: str) -> str:
    """The environment variable that moves a source: ``azure-ml``: PLANNER_ENDPOINT_AZURE_ML."""
    return f"PLANNER_ENDPOINT_{name.upper().replace('-', '_')}"


def endpoint(name: str, default: str) -> str:
    """Base URL of a source without a final slash: the variable where it is set, else ``default``.

    Raises FetchFailed for a URL that is not https (http is allowed to this machine only).
    """
    url = os.environ.get(variable(name), "").strip() or default
    parts = urllib.parse.urlsplit(url)
    remedy = f"set {variable(name)} to an https URL or unset it"
    try:
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise FetchFailed(f"{bare_url(url)} is not a base URL", remedy)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise FetchFailed(f"{bare_url(url)} is not https", remedy)
    return url.rstrip("/")


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL: what must not change when one follows it."""
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port
