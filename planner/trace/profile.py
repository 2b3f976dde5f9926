"""The document that ``planner trace`` writes, ``planner.profile/1``."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from planner.workload import InlineModel


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, defer_build=True)


class TracedInput(_Part):
    """A tensor that the model was traced with."""

    name: str = Field(description="of the keyword; empty for a positional argument")
    shape: list[int] = Field(description="with the batch")
    dtype: str


class Totals(_Part):
    """One sample's forward pass, and what it runs on."""

    parameters: int
    parameter_bytes: int = Field(description="in the types that the model holds them in")
    buffer_bytes: int
    forward_flops: float = Field(
        description="matrix products, convolutions and attention, 2 a multiply-accumulate"
    )
    other_flops: float = Field(description="all else, one a value: a floor")
    activation_values: float = Field(description="written by all operators")
    activation_bytes: float
    product_values: float = Field(
        description="written by matrix products, convolutions and attention, scores included"
    )
    moved_bytes: float = Field(description="read and written, each operator by itself")


class OperatorTotals(_Part):
    """Operators of one class in one sample's forward pass."""

    operator_class: str
    calls: int = Field(description="in one pass of the batch")
    flops: float
    activation_values: float
    activation_bytes: float
    read_bytes: float


class LayerTotals(_Part):
    """What one module does itself, without the modules inside it, for one sample."""

    name: str
    type: str
    calls: int
    parameters: int
    parameter_bytes: int
    flops: float
    activation_values: float
    activation_bytes: float
    output_shape: list[int] = Field(description="of its last call, with the batch")


class Profile(_Part):
    """A traced model. ``model`` goes into a workload file as it is."""

    schema_: Literal["planner.profile/1"] = Field(default="planner.profile/1", alias="schema")
    source: str = Field(description="what was traced")
    torch: str = Field(description="version")
    model: InlineModel
    batch: int = Field(description="samples in the pass that was traced; figures are of one")
    inputs: list[TracedInput]
    totals: Totals
    operators: list[OperatorTotals]
    layers: list[LayerTotals]
    notes: list[str]

    def document(self) -> dict[str, Any]:
        """As JSON types; the model holds only what it says."""
        found = self.model_dump(mode="json", by_alias=True)
        found["model"] = inline(self.model)
        return found


def inline(model: InlineModel) -> dict[str, Any]:
    """The mapping for a workload file: whole numbers as such, nothing that is not known."""
    said = model.model_dump(mode="json", include=model.model_fields_set, exclude_none=True)
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in said.items()
    }


def to_json(profile: Profile) -> str:
    return json.dumps(profile.document(), indent=2)


def to_yaml(profile: Profile) -> str:
    """YAML with one line a row of a table."""
    import yaml

    document = profile.document()
    lines = []
    for name, value in document.items():
        if name in ("operators", "layers", "inputs") and value:
            lines.append(f"{name}:")
            lines += [f"- {json.dumps(row)}" for row in value]
        else:
            lines.append(yaml.safe_dump({name: value}, sort_keys=False, width=100).rstrip())
    return "\n".join(lines) + "\n"
