"""Parallel layouts: how one training run is spread over the devices of a configuration.

Ranks are ordered as Megatron-LM does (Narayanan et al. 2021): tensor parallel neighbours first,
then context, then data, pipeline stages last; expert groups lie across a stage's ranks.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]

COLUMNS = (
    "tensor", "pipeline", "context", "expert", "data",
    "zero", "recompute", "micro_batch", "interleave",
)  # fmt: skip
NO_RECOMPUTE, SELECTIVE, FULL_RECOMPUTE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout, or a part of one: None is left for the search to choose.

    ``zero`` is the ZeRO stage (3 = FSDP full shard); ``recompute`` is NO_RECOMPUTE, SELECTIVE
    (norms and activation functions) or FULL_RECOMPUTE; ``micro_batch`` counts sequences in one
    forward pass of one replica; ``interleave`` counts the pipeline's stages a device holds.
    """

    tensor: int | None = None
    pipeline: int | None = None
    context: int | None = None
    expert: int | None = None
    data: int | None = None
    zero: int | None = None
    recompute: int | None = None
    micro_batch: int | None = None
    interleave: int | None = None

    def __post_init__(self) -> None:
        for name in COLUMNS:
            value = getattr(self, name)
            least = 0 if name in ("zero", "recompute") else 1
            if value is not None and value < least:
                raise ValueError(f"{name} is {value}; it is at least {least}")


ANY_LAYOUT = Layout()


@dataclass(frozen=True)
class Layouts:
    """Layouts as columns, shape (m,); the columns are those of ``Layout``."""

    tensor: Floats
    pipeline: Floats
    context: Floats
    expert: Floats
    data: Floats
    zero: Floats
    recompute: Floats
    micro_batch: Floats
    interleave: Floats

    def __len__(self) -> int:
        return len(self.tensor)

    @property
    def ranks(self) -> Floats:
        """Devices that hold the same dense parameters: data and context parallel ranks."""
        return self.data * self.context

    @property
    def expert_tensor(self) -> Floats:
        """Ways one expert's matrices are cut: expert groups hold whole experts."""
        return np.where(self.expert > 1, 1.0, self.tensor)

    @property
    def expert_ranks(self) -> Floats:
        """Devices that hold the same experts. Expert groups lie in a stage's tensor, context and
        data parallel ranks alike (Megatron-Core's parallel folding).
        """
        return self.tensor * self.ranks / (self.expert * self.expert_tensor)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Layouts:
        return Layouts(*(getattr(self, name)[rows] for name in COLUMNS))

    def __getitem__(self, index: int) -> Layout:
        return Layout(*(int(getattr(self, name)[index]) for name in COLUMNS))


def describe(layout: Layout) -> str:
    """A layout as people write it: ``tp8 pp12 dp16 zero1 recompute, micro-batch 1``."""
    parts = [
        f"{word}{size}"
        for word, size in (
            ("tp", layout.tensor),
            ("pp", layout.pipeline),
            ("vpp", layout.interleave),
            ("cp", layout.context),
            ("ep", layout.expert),
            ("dp", layout.data),
        )
        if size is not None and size > 1
    ]
    if layout.zero:
        parts.append(f"zero{layout.zero}")
    if not parts:
        parts.append("single device")
    if layout.recompute:
        parts.append("recompute" if layout.recompute == FULL_RECOMPUTE else "selective recompute")
    if layout.micro_batch is None:
        return " ".join(parts)
    return " ".join(parts) + f", micro-batch {layout.micro_batch}"


_SIZES = {
    "tensor": r"tp",
    "pipeline": r"pp",
    "context": r"cp",
    "expert": r"ep",
    "data": r"dp",
    "interleave": r"vpp?",
    "micro_batch": r"(?:micro-?batch|mbs)",
}


def parse_layout(text: str) -> Layout:
    """The layout a text names, e.g. ``tp8 pp8 dp16 zero1 recompute, micro-batch 1``.

    Also read: ``fsdp`` (ZeRO 3), ``shard_grad_op`` (ZeRO 2), ``ddp`` (ZeRO 0), ``act-ckpt``.
    What it does not name stays None; words it does not know are passed over. A text that names
    tensor or pipeline parallelism but not the other means 1 for those it leaves out.
    """
    low = text.lower()
    found: dict[str, int] = {}
    for field, word in _SIZES.items():
        if match := re.search(rf"(?<![a-z0-9]){word}[ =_-]*(\d+)(?![a-z0-9])", low):
            found[field] = max(1, int(match[1]))
    if match := re.search(r"zero[ =_-]*([0-3])", low):
        found["zero"] = int(match[1])
    elif "shard_grad_op" in low:
        found["zero"] = 2
    elif "fsdp" in low:
        found["zero"] = 3
    elif re.search(r"\bddp\b", low):
        found["zero"] = 0
    if re.search(r"selective[ -]*(?:recompute|act|checkpoint)", low):
        found["recompute"] = SELECTIVE
    elif re.search(r"recompute|act[a-z]*-?ckpt|checkpointing", low):
        found["recompute"] = FULL_RECOMPUTE
    if "tensor" in found or "pipeline" in found:
        for field in ("tensor", "pipeline", "context"):
            found.setdefault(field, 1)
    return Layout(**found)
