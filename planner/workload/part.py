"""Base of every mapping in a workload file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Unknown fields are refused; values cannot be changed."""

    # Validators are built when first used: a run needs those of one kind only.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @property
    def changed(self) -> set[str]:
        """Fields given with another value than their default: what somebody meant to say."""
        fields = type(self).model_fields
        return {
            name for name in self.model_fields_set if getattr(self, name) != fields[name].default
        }
