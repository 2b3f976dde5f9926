"""From what a model did to the mapping that workload files take for a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from planner.model_dimensions import inline_shape
from planner.trace.inputs import Input
from planner.workload import InlineModel

if TYPE_CHECKING:
    from planner.trace.recorder import AttentionCore, Operation

Kind = Literal["transformer", "encoder", "diffusion", "vision"]
KINDS: tuple[Kind, ...] = ("transformer", "encoder", "diffusion", "vision")
IMAGE_CHANNELS = 64  # more channels are features, not an image


@dataclass(frozen=True)
class Seen:
    """A traced forward pass."""

    name: str
    parameters: int
    inputs: Sequence[Input]
    outputs: Sequence[tuple[int, ...]]
    operations: Sequence[Operation]
    attention: Sequence[AttentionCore]
    forward_flops: float
    product_values: float
    products: int


def recognise(seen: Seen, kind: Kind | None) -> tuple[InlineModel, list[str]]:
    """The model, of the ``kind`` that the user said or of the one it looks like, and notes on
    what was assumed.
    """
    notes: list[str] = []
    chosen = kind or _kind(seen, notes)
    if chosen in ("vision", "diffusion"):
        return _by_operations(seen, chosen, notes), notes
    return _by_dimensions(seen, chosen, notes), notes


def _kind(seen: Seen, notes: list[str]) -> Kind:
    """Assumption: tokens in are a language model, an image in and out a denoiser."""
    table = _vocabulary(seen)
    tokens = any(each.is_integer and len(each.shape) == 1 for each in seen.inputs)
    if table is not None and tokens:
        if any(core.causal for core in seen.attention):
            return "transformer"
        scored = any(shape and shape[-1] == table.width_in for shape in seen.outputs)
        found: Kind = "transformer" if scored else "encoder"
        why = "it scores its vocabulary" if scored else "its attention is not causal"
        notes.append(f"assumption: {found}, as {why}; --kind says otherwise")
        return found
    image = _image(seen)
    if (
        image is not None
        and len(seen.inputs) > 1
        and any(shape[1:] == image.shape for shape in seen.outputs)
    ):
        notes.append("assumption: diffusion, as an image goes in and one comes out")
        return "diffusion"
    return "vision"


def _by_operations(seen: Seen, kind: Kind, notes: list[str]) -> InlineModel:
    image = _image(seen)
    size = None
    if image is not None:
        channels, height, width = image.shape
        if kind == "diffusion" and channels != 3:
            notes.append(f"image_size: {height} is that of the latent image the network takes in")
        size = round((height * width) ** 0.5)
        if height != width:
            notes.append(f"image_size: {size} has as many pixels as {height} x {width}")
    elif kind == "vision":
        notes.append("no image goes in: set decode_images: false in the workload")
    flops = seen.forward_flops
    if not flops:
        flops = max(1.0, sum(done.flops for done in seen.operations))
        notes.append("there are no matrix products: forward_flops counts all other operations")
    said: dict[str, Any] = {
        "name": seen.name,
        "kind": kind,
        "parameters": seen.parameters,
        "layers": seen.products or None,
        "forward_flops": round(flops),
        "activations": round(seen.product_values) or None,
        "image_size": size,
    }
    return InlineModel(**{name: value for name, value in said.items() if value is not None})


def _by_dimensions(seen: Seen, kind: Kind, notes: list[str]) -> InlineModel:
    said: dict[str, Any] = {"name": seen.name, "kind": kind, "parameters": seen.parameters}
    dimensions = _dimensions(seen)
    if not dimensions:
        notes.append("its dimensions were not recognised: the planner derives them from parameters")
        return InlineModel(**said)
    try:
        model = InlineModel(**said, **dimensions)
        inline_shape(model)
    except ValueError as error:
        reason = str(error).partition(";")[0].splitlines()[-1].strip()
        notes.append(f"dimensions that were recognised are left out: {reason}")
        return InlineModel(**said)
    return model


def _dimensions(seen: Seen) -> dict[str, Any]:
    """Dimensions of a transformer; empty where it is built in another way.

    Around each attention core lie products with parameters: before it those that make queries,
    keys and values, after it the one of its output and then the feed-forward part.
    """
    cores = seen.attention
    if not cores:
        return {}
    usual = Counter((core.heads, core.head_dim) for core in cores).most_common(1)[0][0]
    heads, head_dim = usual
    hidden: Counter[int] = Counter()
    ffn: Counter[int] = Counter()
    key_heads: Counter[int] = Counter()
    ends = [core.at for core in cores] + [len(seen.operations)]
    before = _weighted(seen.operations[: ends[0]])
    for core, start, end in zip(cores, ends, ends[1:], strict=False):
        after = _weighted(seen.operations[start:end])
        if not after:
            continue
        width = after[0].width_out
        hidden[width] += 1
        narrow = [done.width_in for done in after[1:] if done.width_out == width]
        if narrow:
            ffn[max(narrow)] += 1
        key_heads[_key_heads(core, before, width)] += 1
        before = after
    if not hidden:
        return {}
    found: dict[str, Any] = {
        "layers": len(cores),
        "hidden": hidden.most_common(1)[0][0],
        "heads": heads,
        "head_dim": head_dim,
    }
    grouped = key_heads.most_common(1)[0][0]
    if grouped:
        found["kv_heads"] = grouped
    if ffn:
        found["ffn"] = ffn.most_common(1)[0][0]
    table = _vocabulary(seen)
    if table is not None:
        found["vocabulary"] = table.width_in
        others = [
            done
            for done in seen.operations
            if done.operator != "embedding"
            and done.width_out == table.width_in
            and done.weight != table.weight
        ]
        found["tied_embeddings"] = not others
    return found


def _key_heads(core: AttentionCore, before: Sequence[Operation], hidden: int) -> int:
    """Key-value heads: as the kernel has them, or by the width of what makes q, k and v.

    Where keys are repeated before the kernel it sees as many as there are heads. 0: unknown.
    """
    if core.key_heads < core.heads:
        return core.key_heads
    width = 0
    for done in reversed(before):
        if done.width_in != hidden:
            break
        width += done.width_out
        if width >= 3 * core.heads * core.head_dim:
            break
    pairs, rest = divmod(width - core.heads * core.head_dim, 2 * core.head_dim)
    fits = rest == 0 and 0 < pairs <= core.heads and core.heads % pairs == 0
    return pairs if fits else 0


def _weighted(operations: Sequence[Operation]) -> list[Operation]:
    """Matrix products with parameters."""
    return [done for done in operations if done.weight is not None and done.kind == "matmul"]


def _vocabulary(seen: Seen) -> Operation | None:
    """The look-up in the table with most rows; others are of positions or types."""
    tables = [done for done in seen.operations if done.operator == "embedding" and done.width_in]
    return max(tables, key=lambda done: done.width_in, default=None)


def _image(seen: Seen) -> Input | None:
    for each in seen.inputs:
        if len(each.shape) == 3 and not each.is_integer and each.shape[0] <= IMAGE_CHANNELS:
            return each
    return None
