"""Texts without secrets: what a server sent may repeat the key it was sent.

``scrub`` is the last step before any text of a provider reaches a message, a log or a file.
"""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Iterable

MASK = "***"
LIMIT = 200
# Pieces of a secret this long are masked too: servers quote the beginning or end of a key.
PIECE = 6

PATTERNS = (
    re.compile(r"(?i)\b(?:bearer|basic|token|apikey)\s+[^\s,;'\"]+"),
    # key=value and "key": "value" of what is named like a secret
    re.compile(
        r"(?i)[\"']?\b[\w-]*(?:api[_-]?key|secret|token|password|passwd|authorization|"
        r"signature|credential|sig|access[_-]?key)[\w-]*[\"']?\s*[=:]\s*[\"']?[^\s&,;'\"}]+"
    ),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b"),
    re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"),  # JSON web tokens
    re.compile(r"[A-Za-z0-9+/=_-]{32,}"),  # as long as a key, a digest or a signature
)
URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)([^\s\"'<>]*)")


def scrub(text: str, secrets: Iterable[str] = (), limit: int = LIMIT) -> str:
    """One line of at most ``limit`` characters without anything that may be a secret.

    Masks the given secrets whole or in pieces (plain, percent-encoded, base64), what is named
    like a secret, tokens by their form, and user and query of every URL.
    """
    line = " ".join(_beginning(text, 4 * limit).split())
    line = _without(line, secrets)
    line = URL.sub(lambda match: match[1] + _bare(match[2]), line)
    for pattern in PATTERNS:
        line = pattern.sub(MASK, line)
    return "".join(ch for ch in line if ch.isprintable())[:limit]


def _beginning(text: str, limit: int) -> str:
    """Whole words of the first ``limit`` characters: half a token is no longer known as one."""
    if len(text) <= limit:
        return text
    return text[:limit].rpartition(" ")[0]


def bare_url(url: str) -> str:
    """Scheme, host and path of a URL: users and queries may carry keys and signatures."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + _bare(rest) if separator else _bare(url)


def _bare(rest: str) -> str:
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    return host.rpartition("@")[2] + slash + path


def _without(text: str, secrets: Iterable[str]) -> str:
    """Mask every run of characters that a secret has in the same order."""
    hidden = [False] * len(text)
    for secret in secrets:
        for form in _forms(secret):
            size = min(PIECE, len(form))
            pieces = {form[i : i + size] for i in range(len(form) - size + 1)}
            for start in range(len(text) - size + 1):
                if text[start : start + size] in pieces:
                    hidden[start : start + size] = [True] * size
    shown = []
    for index, ch in enumerate(text):
        if not hidden[index]:
            shown.append(ch)
        elif index == 0 or not hidden[index - 1]:
            shown.append(MASK)
    return "".join(shown)


def _forms(secret: str) -> list[str]:
    if not secret:
        return []
    return [
        secret,
        urllib.parse.quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode().rstrip("="),
    ]
