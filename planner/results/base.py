"""Base of every published result."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """Frozen; ``schema_`` is published as ``schema``."""

    # Validators are built when first used: a run needs those of one command only.
    model_config = ConfigDict(frozen=True, populate_by_name=True, defer_build=True)
