"""Which layer a price comes from, told by the key of its source."""

from __future__ import annotations

ACCOUNT_QUOTA = ": "  # between the region and the quota class
OVERLAY = "overlay:"
REFRESHED = "refreshed-"


def layer_of(source_key: str) -> str:
    """``snapshot``, ``derived`` (made of others), ``refreshed`` or ``overlay NAME``."""
    if source_key.startswith(OVERLAY):
        return f"overlay {source_key.split(':')[1]}"
    if source_key.startswith(REFRESHED):
        return "refreshed, derived" if "+" in source_key else "refreshed"
    return "derived" if "+" in source_key else "snapshot"


def is_account_quota(word: str) -> bool:
    """Whether a quota class is one of an account in one region, fetched by a refresh."""
    return ACCOUNT_QUOTA in word
