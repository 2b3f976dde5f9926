"""What the user wants: workload files and their checks.

A file holds one workload, or several under ``workloads:`` (a portfolio). Quantities are written
as people write them (see ``planner.quantities``); unknown fields are refused with a suggestion.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from planner.errors import BadInput
from planner.field_errors import in_words, shown, suggest
from planner.quantities import Count, Hours, Usd, WholeCount
from planner.yaml_file import load


class Purchase(StrEnum):
    """Ways to pay that a finite job can choose from."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"


class Method(StrEnum):
    """How much of the model fine-tuning changes."""

    FULL = "full"
    LORA = "lora"
    QLORA = "qlora"


class Precision(StrEnum):
    FP32 = "fp32"
    TF32 = "tf32"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"


class _Part(BaseModel):
    # Validators are built when first used: a run needs those of one kind only.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


Quota = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Where(_Part):
    """Where and how the workload may run. Empty means: anywhere the catalog knows."""

    clouds: tuple[str, ...] = Field(default=(), description="clouds allowed")
    regions: tuple[str, ...] = Field(default=(), description="regions allowed")
    accelerators: tuple[str, ...] = Field(
        default=(), description="accelerators allowed; `cpu` stands for CPU-only machines"
    )
    instance_types: tuple[str, ...] = Field(default=(), description="instance types allowed")
    purchase: tuple[Purchase, ...] = Field(
        default=(Purchase.ON_DEMAND, Purchase.SPOT), min_length=1, description="ways to pay"
    )
    max_nodes: WholeCount = Field(
        default=16, ge=1, le=4096, description="largest number of machines"
    )
    price_confidence: Literal["documented", "any"] = Field(
        default="documented",
        description="`any` also uses prices the catalog itself doubts (old or contradicted)",
    )
    quotas: dict[str, Quota] = Field(
        default_factory=dict,
        description="limit by quota class, in the cloud's unit (vCPUs on AWS and Azure, "
        "GPUs on GCP), e.g. {'aws/P on-demand': 192}",
    )


class _Workload(_Part):
    name: str = Field(default="workload", min_length=1, max_length=100)
    precision: Precision | None = Field(
        default=None, description="arithmetic; default bf16 for language models, fp32 else"
    )
    framework: str = Field(default="pytorch", description="software that runs it")
    deadline: Hours | None = Field(default=None, description="hours from now, e.g. 24h")
    budget: Usd | None = Field(default=None, description="most it may cost, e.g. 500 USD")
    risk: float = Field(
        default=0.9,
        ge=0.5,
        le=0.99,
        description="probability with which deadline and budget must hold",
    )
    where: Where = Where()


class LanguageTraining(_Workload):
    """Pre-training or fine-tuning of a transformer on ``tokens``."""

    kind: Literal["pretrain", "finetune"]
    model: str = Field(min_length=1, description="model name, e.g. llama-3.1-8b")
    method: Method = Method.FULL
    tokens: Count = Field(ge=1, description="tokens seen in total, over all epochs")
    sequence_length: WholeCount = Field(default=2048, description="tokens a sequence")
    batch_tokens: Count | None = Field(
        default=None,
        description="tokens per optimizer step; default 0.5M for pre-training, 64k for fine-tuning",
    )
    lora_rank: WholeCount = Field(default=16, ge=1, le=1024)

    @model_validator(mode="after")
    def _check(self) -> LanguageTraining:
        if self.kind == "pretrain" and self.method is not Method.FULL:
            raise ValueError(
                f"method {self.method.value!r} does not go with kind pretrain; use full"
            )
        if self.tokens < self.sequence_length:
            raise ValueError("tokens is below sequence_length; train on one sequence at least")
        if self.batch_tokens is not None and self.batch_tokens < self.sequence_length:
            raise ValueError("batch_tokens is below sequence_length; one sequence must fit")
        if self.batch_tokens is not None and self.batch_tokens > self.tokens:
            raise ValueError("batch_tokens is above tokens; train for one step at least")
        return self

    @property
    def step_tokens(self) -> float:
        return self.batch_tokens or (5e5 if self.kind == "pretrain" else 65536.0)


class VisionTraining(_Workload):
    """Training of a vision network: ``samples`` images, ``epochs`` times."""

    kind: Literal["vision-training"]
    model: str = Field(min_length=1, description="model name, e.g. resnet50")
    samples: Count = Field(ge=1, description="images in the training set")
    epochs: Count = Field(default=1.0)
    batch_size: WholeCount = Field(default=64, description="images per optimizer step")
    image_size: WholeCount | None = Field(default=None, description="pixels a side")
    decode_images: bool = Field(
        default=True, description="images are decoded from files on the host CPU while training"
    )

    @model_validator(mode="after")
    def _check(self) -> VisionTraining:
        if self.batch_size > self.samples * self.epochs:
            raise ValueError("batch_size is above samples x epochs; train for one step at least")
        return self


Workload = LanguageTraining | VisionTraining
MODELS: dict[str, type[LanguageTraining] | type[VisionTraining]] = {
    "pretrain": LanguageTraining,
    "finetune": LanguageTraining,
    "vision-training": VisionTraining,
}
KINDS = tuple(MODELS)


def parse(data: object, *, where: str) -> Workload:
    """Check one workload given as a mapping. Raises BadInput naming ``where`` and the field."""
    if not isinstance(data, dict):
        raise BadInput(
            f"holds {shown(data)}, not a workload",
            where=where,
            remedy="write `kind: finetune` and the other fields as a mapping",
        )
    if "workloads" in data:
        raise BadInput(
            "several workloads in one file are not planned yet",
            where=f"{where}: workloads",
            remedy="put each in a file of its own",
        )
    kind = data.get("kind")
    if kind is None:
        raise BadInput("is missing", where=f"{where}: kind", remedy=suggest("", KINDS))
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadInput(
            f"{shown(kind)} is not planned yet", where=f"{where}: kind", remedy=suggest(kind, KINDS)
        )
    try:
        return MODELS[kind].model_validate(data)
    except ValidationError as error:
        raise _bad_input(error, data, where) from None


def read(path: str, text: str | None = None) -> Workload:
    """Read one workload file; ``text`` stands for its content when it is already at hand."""
    where = "stdin" if path == "-" else path
    return parse(load(path, text), where=where)


def _bad_input(error: ValidationError, data: dict[str, Any], where: str) -> BadInput:
    """The first problem as one line: where, what is wrong, what would be right."""
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"] if part != "[key]"]
    problem, remedy = in_words({**first}, _fields_at(str(data["kind"]), path[:-1]))
    if not path:  # a check of several fields together begins with the name of one
        field, _, problem = problem.partition(" ")
        path = [field]
    return BadInput(problem, where=f"{where}: {'.'.join(path)}", remedy=remedy)


def _fields_at(kind: str, path: list[str]) -> list[str]:
    model: type[BaseModel] = Where if path[:1] == ["where"] else MODELS[kind]
    return sorted(model.model_fields)
