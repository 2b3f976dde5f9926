"""Torch without values: large tensors are shapes on the meta device, small constants are real.

Everything runs on one of two devices whatever the code asks for. A tensor that follows from
nothing unknown and is small (a range, a table of indices, a bias) is computed for real on the CPU,
so that code which reads it works: ``torch.linspace(0, 0.1, depth)[i].item()`` is common in
factories. All else is ``meta``. Code that depends on the value of such a tensor is refused with the
operator's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_flatten, tree_map_only

from planner.trace.operators import name_of, storage_of

# Larger constants take time and memory, and code hardly reads their values.
MOST_REAL_VALUES = 65_536
META, CPU = torch.device("meta"), torch.device("cpu")

# Operator, arguments, keywords, result, and the tensors among the arguments before they were
# made shapes.
Observe = Callable[[Any, tuple[Any, ...], dict[str, Any], Any, list[Tensor]], None]
Attend = Callable[[Tensor, Tensor, Tensor, Tensor, bool], None]

_READERS = frozenset(
    ("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "__complex__", "numpy",
     "__array__", "__contains__")
)  # fmt: skip
_READING = {"__bool__": "bool(tensor)", "__int__": "int(tensor)", "__float__": "float(tensor)"}
# Recurrent networks check that the state they make themselves is on the device of the input.
_ONE_DEVICE = frozenset(("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell",
                         "rnn_tanh_cell", "rnn_relu_cell"))  # fmt: skip
_ATTENTION = torch.nn.functional.scaled_dot_product_attention
_TO_DEVICE = frozenset(("cuda", "cpu", "xpu", "mps", "npu", "hpu", "pin_memory"))
_DATA_TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}


class DataDependent(Exception):
    """The model asks for the value of a tensor that has none here."""

    def __init__(self, operator: str) -> None:
        self.operator = operator
        super().__init__(f"{operator} depends on values")


class Abstract:
    """Runs what is inside ``with`` on shapes.

    ``observe`` is told each operator with an unknown result, ``attend`` each call of scaled
    dot-product attention (instead of the operators inside it).
    """

    def __init__(self, observe: Observe | None = None, attend: Attend | None = None) -> None:
        self._dispatch = _Dispatch(observe)
        self._functions = _Functions(self._dispatch, attend)
        self._stack = ExitStack()

    def __enter__(self) -> Abstract:
        self._stack.enter_context(torch.no_grad())
        # The fused path of nn.TransformerEncoderLayer is one operator that hides what is in it.
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        self._stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        stance = getattr(torch.compiler, "set_stance", None)  # torch.compile: run eagerly
        if stance is not None:
            self._stack.enter_context(stance("force_eager"))
        # Inside torch's own multi-head attention no function mode is on.
        functional = torch.nn.functional
        functional.scaled_dot_product_attention = self._functions.attention
        self._stack.callback(setattr, functional, _ATTENTION.__name__, _ATTENTION)
        self._stack.enter_context(self._dispatch)
        self._stack.enter_context(self._functions)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


class _Dispatch(TorchDispatchMode):  # type: ignore[misc]  # torch is not typed here
    """Decides for each operator whether it runs for real or on shapes."""

    def __init__(self, observe: Observe | None) -> None:
        super().__init__()
        self._observe = observe
        self.paused = False
        # Real tensors that something unknown was written into, by storage; kept alive, so that
        # no other comes to lie there.
        self._overwritten: dict[int, Tensor] = {}

    def is_unknown(self, tensor: Tensor) -> bool:
        return bool(tensor.is_meta) or storage_of(tensor) in self._overwritten

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = _tensors((args, kwargs))
        unknown = any(self.is_unknown(tensor) for tensor in tensors)
        if not unknown and self._runs_for_real(func, args, kwargs, tensors):
            return func(*args, **_on(CPU, kwargs))
        if unknown:
            _refuse_values(func, args)
        changed = _changed(func, args, kwargs)
        for tensor in changed:
            if not tensor.is_meta:
                self._overwritten[storage_of(tensor)] = tensor
        inside = _on(META, kwargs)
        inside.pop("generator", None)
        inside.pop("pin_memory", None)
        args, inside = tree_map_only(Tensor, _as_meta, (args, inside))
        out = func(*args, **inside)
        if self._observe is not None and not self.paused:
            self._observe(func, args, inside, out, tensors)
        if changed and len(changed) == 1 and isinstance(out, Tensor):
            return changed[0]  # an operator in place returns what it was called on
        return out

    def _runs_for_real(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> bool:
        if tensors and (func.is_view or func._schema.is_mutable):
            return True
        reads = torch.Tag.data_dependent_output in func.tags
        if not reads and any(tensor.numel() > MOST_REAL_VALUES for tensor in tensors):
            return False
        try:  # how large would it be?
            out = func(*tree_map_only(Tensor, _as_meta, args), **_on(META, kwargs))
        except Exception:  # noqa: BLE001 - it depends on values, which are there and few
            return True
        return bool(sum(tensor.numel() for tensor in _tensors(out)) <= MOST_REAL_VALUES)


class _Functions(TorchFunctionMode):  # type: ignore[misc]  # torch is not typed here
    """What must be caught above the operators: devices, reading of values, attention."""

    def __init__(self, dispatch: _Dispatch, attend: Attend | None) -> None:
        super().__init__()
        self._dispatch, self._attend = dispatch, attend

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        method = bool(args) and isinstance(args[0], Tensor)
        if method and name in _READERS and self._dispatch.is_unknown(args[0]):
            raise DataDependent(_READING.get(name, f"Tensor.{name}()"))
        if method and name in _TO_DEVICE:
            return args[0]
        if method and name == "to":
            return _converted(func, args, kwargs)
        if kwargs.get("device") is not None:
            # an accelerator that is not there would be looked for before any operator runs
            kwargs["device"] = CPU
        if func is _ATTENTION:
            return self.attention(*args, **kwargs)
        if name in _ONE_DEVICE and any(map(self._dispatch.is_unknown, _tensors((args, kwargs)))):
            with _disable_current_modes():  # or the small ones would come back real
                args, kwargs = tree_map_only(Tensor, _as_meta, (args, kwargs))
        return func(*args, **kwargs)

    def attention(self, *args: Any, **kwargs: Any) -> Any:
        """Scaled dot-product attention, told of as one."""
        given = dict(zip(("query", "key", "value", "attn_mask", "dropout_p"), args, strict=False))
        given |= kwargs
        paused, self._dispatch.paused = self._dispatch.paused, True
        try:
            out = _ATTENTION(*args, **kwargs)
        finally:
            self._dispatch.paused = paused
        causal = bool(kwargs.get("is_causal", args[5] if len(args) > 5 else False))
        if self._attend is not None and not paused:
            self._attend(given["query"], given["key"], given["value"], out, causal)
        return out


def _converted(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Tensor.to`` without its device."""
    kwargs.pop("device", None)
    rest = [arg for arg in args[1:] if not (arg is None or _is_device(arg))]
    if rest and isinstance(rest[0], Tensor):  # like another tensor
        rest[0] = rest[0].dtype
    if not rest and kwargs.get("dtype") is None and not kwargs.get("copy"):
        return args[0]
    return func(args[0], *rest, **kwargs)


def _is_device(value: object) -> bool:
    return isinstance(value, (torch.device, str, int)) and not isinstance(value, bool)


def _on(device: torch.device, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords of an operator with its device, where it takes one."""
    return {**kwargs, "device": device} if "device" in kwargs else dict(kwargs)


def _as_meta(tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        return tensor
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def _changed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """Tensors that the operator writes into."""
    if not func._schema.is_mutable:
        return []
    found: list[Tensor] = []
    for position, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[position] if position < len(args) else kwargs.get(argument.name)
            found += _tensors(value)
    return found


def _refuse_values(func: Any, args: Iterable[Any]) -> None:
    """Raises DataDependent for operators whose result's value or shape depends on values."""
    name = name_of(func)
    if name.startswith("index"):  # only a mask has as many results as it has ones
        lists = [arg for arg in args if isinstance(arg, (list, tuple))]
        masks = [t for t in _tensors(lists) if t.dtype in (torch.bool, torch.uint8)]
        if masks and name == "index":
            raise DataDependent("indexing with a mask")
    elif _DATA_TAGS & set(func.tags):
        raise DataDependent(str(func._overloadpacket))
