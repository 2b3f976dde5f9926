"""Which layer a price comes from, told by the key of its source."""

from __future__ import annotations

OVERLAY = "overlay:"
REFRESHED = "refreshed-"


def layer_of(source_key: str) -> str:
    """``snapshot``, ``derived`` (made of others), ``refreshed`` or ``overlay NAME``."""
    if source_key.startswith(OVERLAY):
        return f"overlay {source_key.split(':')[1]}"
    if source_key.startswith(REFRESHED):
        return "refreshed, derived" if "+" in source_key else "refreshed"
    return "derived" if "+" in source_key else "snapshot"
