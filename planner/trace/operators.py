"""What one operator of torch is and costs: its class, operations and bytes.

Operations of matrix products and convolutions are exact, 2 a multiply-accumulate, by
``torch.utils.flop_counter``. For every other class one operation a value, read or written,
whichever are more: a floor, as kernels of these classes are bound by memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten


class OperatorClass(StrEnum):
    """Operators that are bound by the same part of a machine."""

    MATMUL = "matmul"
    CONVOLUTION = "convolution"
    ATTENTION = "attention"
    NORMALISATION = "normalisation"
    SOFTMAX = "softmax"
    ELEMENT_WISE = "element-wise"
    REDUCTION = "reduction"
    POOLING = "pooling"
    EMBEDDING = "embedding"
    MOVEMENT = "movement"
    OTHER = "other"


# Products whose operations are counted exactly; their sum is `forward_flops`.
PRODUCTS = (OperatorClass.MATMUL, OperatorClass.CONVOLUTION, OperatorClass.ATTENTION)
_MATMUL = frozenset(
    ("mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "linear", "addr")
)
_SOFTMAX = frozenset(("_softmax", "_log_softmax", "_safe_softmax", "logsumexp"))
_EMBEDDING = frozenset(
    ("embedding", "_embedding_bag", "_embedding_bag_forward_only", "index", "index_select",
     "gather", "take")
)  # fmt: skip
_MOVEMENT = frozenset(
    ("clone", "copy", "copy_", "_to_copy", "cat", "stack", "constant_pad_nd", "roll", "flip",
     "repeat", "repeat_interleave", "contiguous", "index_put", "index_put_", "scatter", "scatter_",
     "slice_scatter", "select_scatter", "tril", "triu", "arange", "zeros", "ones", "empty", "full",
     "zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_empty", "new_ones",
     "new_full", "fill_", "zero_", "reflection_pad1d", "reflection_pad2d", "replication_pad2d",
     "pixel_shuffle", "pixel_unshuffle", "scalar_tensor", "im2col", "col2im", "channel_shuffle",
     "native_channel_shuffle")
)  # fmt: skip
_REDUCTION = frozenset(
    ("sum", "mean", "var", "std", "var_mean", "amax", "amin", "max", "min", "cumsum", "argmax",
     "argmin", "prod", "any", "all", "topk", "sort", "linalg_vector_norm")
)  # fmt: skip
_RESULTLESS = frozenset(("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided"))


def name_of(func: Any) -> str:
    """``aten.mm.default`` is ``mm``."""
    return str(func._schema.name).rpartition("::")[2]


def class_of(func: Any) -> OperatorClass:
    """The class of an operator as it is called; attention written out by hand is told apart by
    the recorder, which sees where values come from.
    """
    name = name_of(func)
    if "attention" in name or "flash" in name:
        return OperatorClass.ATTENTION
    if "conv" in name:
        return OperatorClass.CONVOLUTION
    if name in _MATMUL or name.endswith(("_mm", "_mm_", "int4pack_mm", "int8pack_mm")):
        return OperatorClass.MATMUL
    if "norm" in name and ("native" in name or "fused" in name or "batch" in name):
        return OperatorClass.NORMALISATION
    if name in _SOFTMAX:
        return OperatorClass.SOFTMAX
    if "pool" in name or name.startswith("upsample") or "grid_sampler" in name:
        return OperatorClass.POOLING
    if name in _EMBEDDING:
        return OperatorClass.EMBEDDING
    if name in _MOVEMENT or name in _RESULTLESS:
        return OperatorClass.MOVEMENT
    if torch.Tag.pointwise in func.tags:
        return OperatorClass.ELEMENT_WISE
    if _is_reduction(func, name):
        return OperatorClass.REDUCTION
    return OperatorClass.OTHER


def _is_reduction(func: Any, name: str) -> bool:
    tag = getattr(torch.Tag, "reduction", None)  # not in every torch that is supported
    return (tag is not None and tag in func.tags) or name in _REDUCTION


def exact_flops(func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> float | None:
    """Operations of a matrix product or convolution; None for any other operator."""
    packet = func._overloadpacket
    if packet in flop_registry:
        return float(flop_registry[packet](*args, **kwargs, out_val=out))
    name = name_of(func)
    if name in ("mv", "dot", "vdot"):
        return 2.0 * float(args[0].numel())
    if name == "addmv":
        return 2.0 * float(args[1].numel())
    if name == "addbmm":
        return 2.0 * float(args[1].numel() * args[2].shape[-1])
    return None


def attention_flops(query: Tensor, key: Tensor, value: Tensor) -> float:
    """The two products of scaled dot-product attention, whole: a causal mask is not subtracted."""
    *outer, rows, width = query.shape
    products = math.prod(outer) * rows * key.shape[-2] * (width + value.shape[-1])
    return 2.0 * float(products)


def storage_of(tensor: Tensor) -> int:
    """What tensors that share memory have in common."""
    return int(tensor.untyped_storage()._cdata)


def read_values(name: str, inputs: Sequence[Tensor], written: float) -> float:
    """Values read: all of each input, but only the rows looked up of a table."""
    if name in _EMBEDDING:
        return min(written, float(inputs[0].numel())) + float(sum(t.numel() for t in inputs[1:]))
    if name in _RESULTLESS:
        return 0.0
    return sum(distinct_values(tensor) for tensor in inputs)


def distinct_values(tensor: Tensor) -> float:
    """Values in memory: those that ``expand`` repeats count once."""
    return float(
        math.prod(
            size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride
        )
    )


def writes_nothing(func: Any) -> bool:
    """Whether it only reserves memory."""
    return name_of(func) in _RESULTLESS
