"""Traces a model: finds it, builds it, runs it once on shapes, and writes its profile."""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from planner.errors import BadInput
from planner.trace.factory import build, find, reason, split
from planner.trace.inputs import Input
from planner.trace.profile import (
    LayerTotals,
    OperatorTotals,
    Profile,
    Totals,
    TracedInput,
)
from planner.trace.recognise import Kind, Seen, recognise

if TYPE_CHECKING:
    from planner.trace.recorder import Operation, Recorder

INSTALL = "pip install 'ai-capacity-planner[torch]'"


def trace(
    target: str, inputs: Sequence[Input], *, batch: int = 1, kind: Kind | None = None
) -> Profile:
    """The profile of the model that ``target`` (``package.module:factory``) builds, in evaluation
    mode, for one sample of ``inputs``; ``batch`` samples are run together.

    Only the factory and ``forward`` are called. Raises BadInput when torch is missing, or naming
    the step that failed (import, attribute, call, forward) and the remedy.
    """
    split(target)
    try:
        import torch
    except ImportError as error:
        missing = getattr(error, "name", None) in (None, "torch")
        raise BadInput(
            "torch is not installed" if missing else f"torch cannot be imported: {error}",
            where="trace",
            remedy=INSTALL,
        ) from None
    from planner.trace.abstract import Abstract
    from planner.trace.recorder import Recorder

    with _quiet():
        with Abstract():
            model = build(target, find(target), torch.nn.Module)
        if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
            raise BadInput(
                "the model is TorchScript, which takes no hooks",
                where=f"trace {target}: call",
                remedy="let the factory return it as it is before torch.jit.script",
            )
        parameters = sum(p.numel() for p in _unique(model.parameters()))
        if not parameters:
            raise BadInput(
                "the model has no parameters",
                where=f"trace {target}: call",
                remedy="let the factory return a model with layers",
            )
        given = [
            torch.empty((batch, *each.shape), dtype=getattr(torch, each.dtype), device="meta")
            for each in inputs
        ]
        recorder = Recorder(model, batch)
        out = _forward(target, model, inputs, given, recorder, Abstract)
    return _profile(target, model, inputs, batch, kind, recorder, out)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the user's code prints goes to stderr: stdout is for the profile."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _forward(
    target: str,
    model: Any,
    inputs: Sequence[Input],
    given: Sequence[Any],
    recorder: Recorder,
    abstract: Any,
) -> Any:
    """Run the model once; returns what it returns. Raises BadInput."""
    positional = [tensor for each, tensor in zip(inputs, given, strict=True) if not each.name]
    named = {each.name: tensor for each, tensor in zip(inputs, given, strict=True) if each.name}
    where = f"trace {target}: forward"
    try:
        with abstract(recorder.observe, recorder.attend), recorder.hooked():
            return model.eval()(*positional, **named)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        operator = getattr(error, "operator", None)
        if operator is not None:
            told = reason(error).removeprefix("DataDependent: ")
            raise BadInput(
                f"{told}{recorder.place}, and a trace has shapes only",
                where=where,
                remedy="let forward do without it, or trace the parts around it one by one",
            ) from None
        raise BadInput(
            f"{reason(error)}{recorder.place}", where=where, remedy=_remedy(error, model, inputs)
        ) from None


def _remedy(error: BaseException, model: Any, inputs: Sequence[Input]) -> str:
    """What would be right, as far as the exception tells."""
    text = str(error)
    if isinstance(error, NotImplementedError) and "forward" in text:
        return "let the factory return a module that has forward"
    if isinstance(error, NotImplementedError):
        return "replace the operator, which torch cannot run without values"
    if isinstance(error, TypeError) and "argument" in text:
        try:
            signature = str(inspect.signature(model.forward))
        except (TypeError, ValueError):
            signature = ""
        return f"give an --input for each argument of forward{signature}"[:200]
    if re.search(r"indices|Long|Int\b|IntTensor", text) and not any(i.is_integer for i in inputs):
        return "token ids are integers: say --dtype int64"
    kinds = sorted({str(p.dtype).removeprefix("torch.") for p in model.parameters()})
    typed = re.search(r"dtype|same type|scalar type", text)
    if typed and any(not i.is_integer and i.dtype not in kinds for i in inputs):
        return f"the model's weights are {', '.join(kinds)}: say that with --dtype"
    if typed:
        return "make the types of values agree in forward"
    return "check --input, the shape of one sample without the batch"


def _profile(
    target: str,
    model: Any,
    inputs: Sequence[Input],
    batch: int,
    kind: Kind | None,
    recorder: Recorder,
    out: Any,
) -> Profile:
    import torch

    from planner.trace.operators import PRODUCTS
    from planner.trace.recorder import tensors_in

    done = recorder.operations
    products = [each for each in done if each.kind in PRODUCTS]
    forward_flops = sum(each.flops for each in products) / batch
    parameters = _unique(model.parameters())
    totals = Totals(
        parameters=sum(p.numel() for p in parameters),
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        buffer_bytes=sum(b.numel() * b.element_size() for b in _unique(model.buffers())),
        forward_flops=forward_flops,
        other_flops=sum(each.flops for each in done) / batch - forward_flops,
        activation_values=sum(each.written for each in done) / batch,
        activation_bytes=sum(each.written_bytes for each in done) / batch,
        product_values=sum(each.product_values for each in products) / batch,
        moved_bytes=sum(each.written_bytes + each.read_bytes for each in done) / batch,
    )
    seen = Seen(
        name=target.rpartition(":")[2][:80],
        parameters=totals.parameters,
        inputs=inputs,
        outputs=[tuple(tensor.shape) for tensor in tensors_in(out)],
        operations=done,
        attention=recorder.attention,
        forward_flops=totals.forward_flops,
        product_values=totals.product_values,
        products=len(products),
    )
    found, notes = recognise(seen, kind)
    return Profile(
        source=target,
        torch=torch.__version__,
        model=found,
        batch=batch,
        inputs=[
            TracedInput(name=each.name, shape=[batch, *each.shape], dtype=each.dtype)
            for each in inputs
        ],
        totals=totals,
        operators=_by_class(done, batch),
        layers=_by_layer(model, recorder, batch),
        notes=notes,
    )


def _unique(tensors: Any) -> list[Any]:
    """Tensors that are shared under several names count once."""
    return list({id(tensor): tensor for tensor in tensors}.values())


def _by_class(operations: Sequence[Operation], batch: int) -> list[OperatorTotals]:
    """Most operations first."""
    groups: defaultdict[str, list[Operation]] = defaultdict(list)
    for done in operations:
        groups[done.kind.value].append(done)
    rows = [
        OperatorTotals(
            operator_class=name,
            calls=len(group),
            flops=sum(done.flops for done in group) / batch,
            activation_values=sum(done.written for done in group) / batch,
            activation_bytes=sum(done.written_bytes for done in group) / batch,
            read_bytes=sum(done.read_bytes for done in group) / batch,
        )
        for name, group in groups.items()
    ]
    return sorted(rows, key=lambda row: -row.flops)


def _by_layer(model: Any, recorder: Recorder, batch: int) -> list[LayerTotals]:
    """Modules that do something or hold parameters, in the order of the model's definition.

    What they do and hold themselves: the columns add up to the totals.
    """
    own: defaultdict[str, list[Operation]] = defaultdict(list)
    for done in recorder.operations:
        own[done.layer].append(done)
    counted: set[int] = set()
    rows = []
    for name, module in model.named_modules():
        parameters = [p for p in module.parameters(recurse=False) if id(p) not in counted]
        counted |= {id(p) for p in parameters}
        layer, group = recorder.layers[name], own[name]
        if not group and not parameters:
            continue
        rows.append(
            LayerTotals(
                name=name or "(model)",
                type=layer.type,
                calls=layer.calls,
                parameters=sum(p.numel() for p in parameters),
                parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
                flops=sum(done.flops for done in group) / batch,
                activation_values=sum(done.written for done in group) / batch,
                activation_bytes=sum(done.written_bytes for done in group) / batch,
                output_shape=list(layer.output_shape),
            )
        )
    return rows
