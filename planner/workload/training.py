"""Training: language models on tokens, vision and diffusion networks on samples."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from planner.quantities import Count, WholeCount
from planner.workload.base import MAX_BATCH, MAX_PIXELS, MAX_TOKENS, Precision, WorkloadBase
from planner.workload.model import ModelField
from planner.workload.parallelism import Parallelism


class Method(StrEnum):
    """How much of the model fine-tuning changes."""

    FULL = "full"
    LORA = "lora"
    QLORA = "qlora"


def _refuse_integers(precision: Precision | None) -> None:
    """Gradients need floating point; integer weights are a matter of method qlora."""
    if precision in (Precision.INT8, Precision.INT4):
        raise ValueError(
            f"precision {precision.value} does not go with training; use bf16, or method qlora"
        )


class LanguageTraining(WorkloadBase):
    """Pre-training or fine-tuning of a transformer on ``tokens``."""

    kind: Literal["pretrain", "finetune"]
    model: ModelField = Field(description="model name, e.g. llama-3.1-8b; a shape; or 7B")
    method: Method = Method.FULL
    parallelism: Parallelism | None = None
    tokens: Count = Field(ge=1, description="tokens seen in total, over all epochs")
    sequence_length: WholeCount = Field(
        default=2048, le=MAX_TOKENS, description="tokens a sequence"
    )
    batch_tokens: Count | None = Field(
        default=None,
        description="tokens per optimizer step; default 0.5M for pre-training, 64k for fine-tuning",
    )
    lora_rank: WholeCount = Field(default=16, le=1024, description="used with lora and qlora")

    @model_validator(mode="after")
    def _check(self) -> LanguageTraining:
        if self.kind == "pretrain" and self.method is not Method.FULL:
            raise ValueError(
                f"method {self.method.value!r} does not go with kind pretrain; use full"
            )
        if self.method is Method.FULL and "lora_rank" in self.changed:
            raise ValueError("lora_rank does not go with method full; use method lora or qlora")
        _refuse_integers(self.precision)
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


class VisionTraining(WorkloadBase):
    """Training of a vision network: ``samples`` images, ``epochs`` times."""

    kind: Literal["vision-training"]
    model: ModelField = Field(description="model name, e.g. resnet50, or a shape")
    samples: Count = Field(ge=1, description="images in the training set")
    epochs: Count = Field(default=1.0, le=1e6, description="passes over the samples")
    batch_size: WholeCount = Field(
        default=64, le=MAX_BATCH, description="images per optimizer step"
    )
    image_size: WholeCount | None = Field(
        default=None, le=MAX_PIXELS, description="pixels a side; default the model's"
    )
    decode_images: bool = Field(
        default=True, description="images are decoded from files on the host CPU while training"
    )

    @model_validator(mode="after")
    def _check(self) -> VisionTraining:
        _refuse_integers(self.precision)
        if self.batch_size > self.samples * self.epochs:
            raise ValueError("batch_size is above samples x epochs; train for one step at least")
        return self


Training = LanguageTraining | VisionTraining
