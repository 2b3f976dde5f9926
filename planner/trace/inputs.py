"""Inputs of a model as they are written on a command line: ``3x224x224``, ``ids=1024:int64``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from planner.errors import BadInput
from planner.field_errors import shown, suggest

DTYPES = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool",
    "complex64",
)  # fmt: skip
MOST_VALUES = 10**12  # of one sample; catches a digit too many
MOST_BATCH = 1_000_000
SCALAR = "scalar"
EXAMPLES = "write 3x224x224, or NAME=1024:int64"


@dataclass(frozen=True, slots=True)
class Input:
    """One tensor that ``forward`` takes; ``shape`` is that of one sample, without the batch.

    ``name`` is empty for a positional argument.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def is_integer(self) -> bool:
        return self.dtype.startswith(("int", "uint"))


def parse_inputs(texts: Sequence[str], dtypes: Sequence[str]) -> tuple[Input, ...]:
    """Inputs in the order of ``--input``. ``dtypes`` is empty, one for all that say none, or one
    for each. Raises BadInput naming the option.
    """
    if not texts:
        raise BadInput("no input given", where="--input", remedy=EXAMPLES)
    for dtype in dtypes:
        _check_dtype(dtype, "--dtype")
    if len(dtypes) > 1 and len(dtypes) != len(texts):
        raise BadInput(
            f"given {len(dtypes)} times for {len(texts)} inputs",
            where="--dtype",
            remedy="give one for all inputs, or one for each",
        )
    found = []
    for number, text in enumerate(texts):
        default = dtypes[number] if len(dtypes) > 1 else dtypes[0] if dtypes else "float32"
        found.append(_parse(text, default))
    names = [each.name for each in found if each.name]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"{name} is given twice", where="--input", remedy="keep one")
    first_named = next((i for i, each in enumerate(found) if each.name), len(found))
    if any(not each.name for each in found[first_named:]):
        raise BadInput(
            f"{shown(texts[-1])} comes after a named input",
            where="--input",
            remedy="give inputs without a name first, or name them all",
        )
    return tuple(found)


def _parse(text: str, default: str) -> Input:
    match = re.fullmatch(r"\s*(?:([A-Za-z_]\w*)\s*=)?\s*([^:=]*?)\s*(?::\s*(\w*)\s*)?", text)
    if match is None:
        raise BadInput(f"{shown(text)} is no input", where="--input", remedy=EXAMPLES)
    name, sizes, dtype = match[1] or "", match[2], match[3]
    if dtype is not None:
        _check_dtype(dtype, "--input")
    shape: list[int] = []
    values = 1
    for size in [] if sizes.lower() == SCALAR else re.split(r"[x×,]", sizes.lower()):
        if not re.fullmatch(r"[0-9]{1,15}", size.strip()) or int(size) == 0:
            raise BadInput(
                f"{shown(sizes)} is no shape of one sample",
                where="--input",
                remedy=f"{EXAMPLES}; NAME={SCALAR} for one value a sample; "
                "the batch is said by --batch",
            )
        shape.append(int(size))
        values *= int(size)
    if values > MOST_VALUES:
        raise BadInput(
            f"{shown(sizes)} has more than {MOST_VALUES:.0e} values",
            where="--input",
            remedy="check the shape",
        )
    return Input(name, tuple(shape), dtype or default)


def _check_dtype(dtype: str, where: str) -> None:
    if dtype not in DTYPES:
        raise BadInput(
            f"{shown(dtype)} is not a type of values", where=where, remedy=suggest(dtype, DTYPES)
        )
