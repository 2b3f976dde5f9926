"""Which network a workload runs: from the catalog, given inline, or by parameter count alone.

It also says which kinds of network go with which kind of work, and which fields with which
network.
"""

from __future__ import annotations

import re

from catalog import Catalog, UnknownName
from catalog.errors import nearest
from catalog.model_shapes import ModelShape
from planner.errors import BadInput
from planner.field_errors import a, shown, some
from planner.model_dimensions import count_shape, inline_shape
from planner.quantities import count
from planner.workload import (
    BatchInference,
    Generic,
    InlineModel,
    Serving,
    Workload,
)

TEXT = ("transformer", "encoder", "encoder-decoder")
IMAGES = ("vision", "diffusion")
# Kinds of network that each kind of work is planned for.
FITTING: dict[str, tuple[str, ...]] = {
    "pretrain": TEXT,
    "finetune": TEXT,
    "vision-training": IMAGES,
    "serving": ("transformer",),
    "batch-inference": TEXT + IMAGES,
    "vision-inference": ("vision",),
    # A stream of frames: language models on edge devices have requests and tokens instead.
    "edge": ("vision",),
}
# A count alone: 7B, 350M, 7000000000, 1.5B parameters.
_COUNT = re.compile(r"\s*[\d.,_]+(?:e\d+)?\s*[kmbt]?\s*(?:parameters|params)?\s*", re.IGNORECASE)
# Endings that name how the weights were trained, not another network.
_TUNED = re.compile(r"[-_](?:instruct|chat|base|hf|it|v0\.\d)$", re.IGNORECASE)


def shape_of(catalog: Catalog, workload: Workload, where: str = "workload") -> ModelShape:
    """The shape that ``workload`` runs. Raises BadInput naming ``where`` and the field.

    Generic work has no network: its shape is of kind ``generic`` with no parameters.
    """
    if isinstance(workload, Generic):
        return ModelShape(workload.name, "generic", "generic", 0.0, 0.0)
    shape = named_shape(catalog, workload.model, workload.kind, where)
    if isinstance(workload, BatchInference):
        _check_batch(workload, shape, where)
    if isinstance(workload, Serving):
        sizes = workload.requests or (workload,)
        longest = max(size.input_length + size.output_length for size in sizes)
        _check_length(longest, shape, where)
    return shape


def named_shape(
    catalog: Catalog, model: str | InlineModel, kind: str, where: str = "workload"
) -> ModelShape:
    """The shape of ``model``, given in any of its forms, for work of ``kind``. Raises BadInput."""
    field = f"{where}: model"
    try:
        if isinstance(model, InlineModel):
            shape = inline_shape(model)
        elif _COUNT.fullmatch(model):
            shape = _counted(model, kind, field)
        else:
            shape = _in_catalog(catalog, model, kind, field)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        name, _, rest = problem.partition(" ")
        if isinstance(model, InlineModel) and name in InlineModel.model_fields:
            raise BadInput(rest, where=f"{field}.{name}", remedy=remedy) from None
        raise BadInput(problem, where=field, remedy=remedy) from None
    if shape.kind not in FITTING[kind]:
        raise BadInput(
            f"{shape.name} is {a(shape.kind)} model, which kind {kind} does not run",
            where=field,
            remedy=f"use kind {' or '.join(kinds_for(shape.kind))}",
        )
    if shape.kind in IMAGES and shape.forward_gmacs is None and shape.layers is None:
        raise BadInput(
            f"the operations of one pass of {shape.name} are unknown",
            where=field,
            remedy="give a mapping with parameters and forward_flops",
        )
    return shape


def kinds_for(network: str) -> list[str]:
    """Kinds of work that run this kind of network."""
    return [kind for kind, networks in FITTING.items() if network in networks]


def fitting_names(catalog: Catalog, kind: str) -> list[str]:
    """Names of the catalog's models that go with this kind of work."""
    fitting = FITTING.get(kind, ())
    return [shape.name for shape in catalog.model_shapes.values() if shape.kind in fitting]


def _in_catalog(catalog: Catalog, name: str, kind: str, field: str) -> ModelShape:
    last = name.strip().rstrip("/").rsplit("/", 1)[-1]
    for candidate in (name, last, _TUNED.sub("", last)):
        try:
            return catalog.model_shape(candidate)
        except UnknownName:
            continue
    known = fitting_names(catalog, kind)
    close = nearest(last, known) or nearest(last, catalog.model_shapes)
    remedy = f"did you mean {', '.join(close)}?" if close else f"the catalog has {some(known)}"
    raise BadInput(f"unknown model {shown(name)}", where=field, remedy=remedy)


def _counted(text: str, kind: str, field: str) -> ModelShape:
    """By parameter count. Raises ValueError for what is no count."""
    if not any(network in FITTING[kind] for network in TEXT):
        raise BadInput(
            f"a parameter count such as {shown(text)} says too little for kind {kind}",
            where=field,
            remedy="name a model, or give a mapping with parameters and forward_flops",
        )
    parameters = count(text, example="7B")
    most = 1e14
    if not 1e5 <= parameters <= most:
        raise ValueError(f"{shown(text)} is no size of a model; write one such as 7B")
    return count_shape(text.strip(), parameters)


def _check_batch(workload: BatchInference, shape: ModelShape, where: str) -> None:
    """Refuse fields that do not go with the network, and requests it cannot read."""
    on_images = shape.kind in IMAGES
    wrong = {
        "tokens": on_images,
        "input_length": on_images,
        "output_length": on_images or shape.kind == "encoder",
        "requests": on_images or shape.kind == "encoder",
        "hosted_api": on_images,
        "image_size": not on_images,
        "denoising_steps": shape.kind != "diffusion",
    }
    for name in sorted(workload.changed):
        if wrong.get(name, False):
            raise BadInput(
                f"does not go with {shape.name}, {a(shape.kind)} model",
                where=f"{where}: {name}",
                remedy="say how much work it is with samples"
                if name == "tokens"
                else "leave it out",
            )
    if not on_images:
        alike = workload.input_length + (workload.output_length or 0)
        sizes = [size.input_length + size.output_length for size in workload.requests]
        _check_length(max(sizes, default=alike), shape, where)


def _check_length(longest: int, shape: ModelShape, where: str) -> None:
    most = shape.max_sequence_length
    if most is not None and longest > most:
        raise BadInput(
            f"with output_length it is {longest:,} tokens, and {shape.name} reads {most:,}",
            where=f"{where}: input_length",
            remedy="shorten the requests or choose another model",
        )
