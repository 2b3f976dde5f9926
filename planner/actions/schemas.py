"""JSON schemas of the documents users write and read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from planner.results import Estimate, Recommendation
from planner.workload import MODELS, PortfolioFile, Workload

WRITTEN = ("workload", "portfolio", *MODELS)
READ = ("recommendation", "estimate")
SUBJECTS = WRITTEN + READ


def json_schema(subject: str) -> dict[str, Any]:
    """Schema of a file users write (``workload``, ``portfolio``, a kind of work) or of a result.

    Quantities of files are text or, where the unit is clear, numbers; results have numbers.
    """
    if subject in READ:
        result = {"recommendation": Recommendation, "estimate": Estimate}[subject]
        return TypeAdapter[Any](result).json_schema(mode="serialization")
    if subject == "portfolio":
        schema = TypeAdapter[Any](PortfolioFile).json_schema(mode="validation")
    elif subject == "workload":
        any_kind = Annotated[Workload, Field(discriminator="kind")]
        schema = TypeAdapter[Any](any_kind).json_schema(mode="validation")
    else:
        schema = TypeAdapter[Any](MODELS[subject]).json_schema(mode="validation")
        if len(schema["properties"]["kind"].get("enum", ())) > 1:
            schema["properties"]["kind"] = {"const": subject, "title": "Kind", "type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
