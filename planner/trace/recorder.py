"""Adds up what a forward pass does, by layer and operator class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from planner.trace.operators import (
    OperatorClass,
    attention_flops,
    class_of,
    distinct_values,
    exact_flops,
    name_of,
    read_values,
    storage_of,
    writes_nothing,
)

# Products that shapes alone let pass where real values would not.
_ONE_TYPE = frozenset(("mm", "addmm", "bmm", "baddbmm", "convolution", "_convolution", "mv"))
# Through these the scores of attention stay scores (scaling, masks, casts, dropout).
_PASSING = (OperatorClass.ELEMENT_WISE, OperatorClass.MOVEMENT)


@dataclass(slots=True)
class Operation:
    """One operator as it ran. ``product_values`` are what its matrix products write, also where a
    fused kernel keeps them on the chip (scores of attention): the way published activation counts
    are made.
    """

    layer: str
    operator: str
    kind: OperatorClass
    flops: float
    written: float
    written_bytes: float
    read_bytes: float
    product_values: float = 0.0
    # of products with a parameter: values in and out of one row, and the parameter's storage; of
    # a look-up in a parameter: its rows and their width
    width_in: int = 0
    width_out: int = 0
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class AttentionCore:
    """One scaled dot-product attention. ``at`` is its place among the operations."""

    at: int
    heads: int
    key_heads: int
    head_dim: int
    rows: int
    causal: bool | None
    fused: bool


@dataclass(frozen=True, slots=True)
class _Scores:
    """A product of two activations: its operation, and the shapes of its factors."""

    operation: Operation
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(slots=True)
class Layer:
    """One module that runs operators itself."""

    name: str
    type: str
    calls: int = 0
    output_shape: tuple[int, ...] = ()


@dataclass
class Recorder:
    """Hears every operator of one forward pass of ``model``."""

    model: torch.nn.Module
    batch: int
    operations: list[Operation] = field(default_factory=list)
    attention: list[AttentionCore] = field(default_factory=list)
    layers: dict[str, Layer] = field(default_factory=dict)
    _within: list[str] = field(default_factory=list)
    _given: str = ""

    def __post_init__(self) -> None:
        self._parameters = {storage_of(p) for p in self.model.parameters()}
        # By storage: the product of two activations it comes from, while that may be scores of
        # attention; and what softmax made of such scores.
        self._scores: dict[int, _Scores] = {}
        self._shares: set[int] = set()
        # Made of parameters and constants only, such as a normalised weight.
        self._made_of_weights: set[int] = set()

    @property
    def within(self) -> str:
        """The module that runs; the innermost one that was entered when a pass failed."""
        return self._within[-1] if self._within else ""

    @property
    def place(self) -> str:
        """That module in words, with what it was given last."""
        module = self.layers.get(self.within)
        if module is None or not self._within:
            return ""
        return f" in {module.name or 'forward'} ({module.type}){self._given}"

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """While modules tell when they are entered and left."""
        handles = []
        for name, module in self.model.named_modules():
            self.layers[name] = Layer(name, type(module).__name__)
            handles.append(module.register_forward_pre_hook(self._entering(name)))
            handles.append(module.register_forward_hook(self._leaving(name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _entering(self, name: str) -> Any:
        def enter(_: Any, args: Any) -> None:
            self._within.append(name)
            shapes = ["x".join(map(str, t.shape)) or "a scalar" for t in tensors_in(args)[:3]]
            self._given = f" on {' and '.join(shapes)}" if shapes else ""
            self.layers[name].calls += 1

        return enter

    def _leaving(self, name: str) -> Any:
        def leave(_: Any, __: Any, out: Any) -> None:
            while self._within and self._within.pop() != name:
                pass
            self._given = ""
            first = next(iter(tensors_in(out)), None)
            self.layers[name].output_shape = () if first is None else tuple(first.shape)

        return leave

    def observe(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        origins: list[Tensor],
    ) -> None:
        """One operator and its result; ``origins`` are its tensors as the model holds them."""
        inputs = tensors_in((args, kwargs))
        before = {storage_of(tensor) for tensor in inputs}
        outputs = tensors_in(out)
        in_place = func._schema.is_mutable
        new = [t for t in outputs if in_place or storage_of(t) not in before]
        if not new:
            return  # a view: nothing is computed or moved
        kind, name = class_of(func), name_of(func)
        if name in _ONE_TYPE:
            _check_types(name, inputs)
        module = self.layers.get(self.within)
        if kind in (OperatorClass.ELEMENT_WISE, OperatorClass.REDUCTION) and (
            module is not None and "norm" in module.type.lower()
        ):
            kind = OperatorClass.NORMALISATION
        reserved = writes_nothing(func)
        written = 0.0 if reserved else float(sum(t.numel() for t in new))
        written_bytes = 0.0 if reserved else float(sum(t.numel() * t.element_size() for t in new))
        read = read_values(name, inputs, written)
        size = max((t.element_size() for t in inputs), default=0)
        exact = exact_flops(func, args, kwargs, out)
        arithmetic = kind not in (OperatorClass.MOVEMENT, OperatorClass.EMBEDDING)
        done = Operation(
            layer=self.within,
            operator=name,
            kind=kind,
            flops=exact if exact is not None else max(written, read) if arithmetic else 0.0,
            written=written,
            written_bytes=written_bytes,
            read_bytes=read * size,
            product_values=written if exact is not None else 0.0,
        )
        self.operations.append(done)
        self._follow(done, origins, outputs)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, out: Tensor, causal: bool) -> None:
        """One scaled dot-product attention, as the fused kernel that accelerators run: the scores
        are neither written nor read.
        """
        scores = query.numel() // query.shape[-1] * key.shape[-2]
        read = sum(distinct_values(t) * t.element_size() for t in (query, key, value))
        self.operations.append(
            Operation(
                layer=self.within,
                operator="scaled_dot_product_attention",
                kind=OperatorClass.ATTENTION,
                flops=attention_flops(query, key, value),
                written=float(out.numel()),
                written_bytes=float(out.numel() * out.element_size()),
                read_bytes=read,
                product_values=float(scores + out.numel()),
            )
        )
        self._forget(out)
        self._core(query.shape, key.shape, causal, fused=True)

    def _core(self, query: Any, key: Any, causal: bool | None, *, fused: bool) -> None:
        def heads(shape: Any) -> int:
            if len(shape) == 4:
                return int(shape[1])
            return max(1, int(shape[0]) // self.batch) if len(shape) == 3 else 1

        self.attention.append(
            AttentionCore(
                at=len(self.operations),
                heads=heads(query),
                key_heads=heads(key),
                head_dim=int(query[-1]),
                rows=int(query[-2]),
                causal=causal,
                fused=fused,
            )
        )

    def _follow(self, done: Operation, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        """Where values come from: parameters, scores of attention, their softmax."""
        places = [storage_of(tensor) for tensor in inputs]
        scores = next((self._scores[place] for place in places if place in self._scores), None)
        shared = any(place in self._shares for place in places)
        for tensor in outputs:
            self._forget(tensor)
        here = [storage_of(tensor) for tensor in outputs]
        weights = [place for place, t in zip(places, inputs, strict=True) if self._is_weight(t)]
        if places and len(weights) == len(places):
            self._made_of_weights.update(here)
        if done.operator == "embedding" and places[0] in self._parameters:
            done.weight = places[0]
            done.width_in, done.width_out = (int(size) for size in inputs[0].shape)
        elif done.kind in (OperatorClass.MATMUL, OperatorClass.CONVOLUTION):
            if weights:
                self._with_weight(done, inputs, outputs)
            elif shared:
                done.kind = OperatorClass.ATTENTION
            elif done.kind is OperatorClass.MATMUL and len(inputs) > 1:
                left, right = tuple(inputs[-2].shape), tuple(inputs[-1].shape)
                self._scores |= dict.fromkeys(here, _Scores(done, left, right))
        elif done.kind is OperatorClass.SOFTMAX and scores is not None:
            scores.operation.kind = OperatorClass.ATTENTION
            *outer, width, rows = scores.right
            self._core(scores.left, (*outer, rows, width), None, fused=False)
            self._shares.update(here)
        elif done.kind in _PASSING:
            if scores is not None:
                self._scores |= dict.fromkeys(here, scores)
            if shared:
                self._shares.update(here)

    def _with_weight(self, done: Operation, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        matrices = [t for t in inputs if self._is_weight(t) and t.ndim > 1]
        if not matrices:  # only the bias is a parameter
            return
        done.weight = storage_of(matrices[-1])
        if done.kind is OperatorClass.MATMUL:
            done.width_in, done.width_out = int(matrices[-1].shape[-2]), int(outputs[0].shape[-1])

    def _is_weight(self, tensor: Tensor) -> bool:
        """Whether nothing of the input is in it: a parameter, a constant, or made of them."""
        place = storage_of(tensor)
        return not tensor.is_meta or place in self._parameters or place in self._made_of_weights

    def _forget(self, tensor: Tensor) -> None:
        """New values: what its memory held before is gone."""
        place = storage_of(tensor)
        self._scores.pop(place, None)
        self._shares.discard(place)
        self._made_of_weights.discard(place)


def tensors_in(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def _check_types(name: str, inputs: list[Tensor]) -> None:
    """Raises TypeError for factors of different types."""
    types = {str(tensor.dtype).removeprefix("torch.") for tensor in inputs}
    if len(types) > 1:
        raise TypeError(f"{name} of {' and '.join(sorted(types))}, not of the same type")
