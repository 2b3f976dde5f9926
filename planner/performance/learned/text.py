"""Reading the messy text of a row: numbers, precisions, layouts, engines, notes.

Everything here is tolerant: an empty or unreadable cell gives NaN, a default or an empty
flag set, never an error, because a row to be predicted may lack almost every column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache

from catalog.records import dataclass

NAN = math.nan
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def cell(row: Mapping[str, object], name: str) -> str:
    """The cell as stripped text; empty when the column is absent or empty."""
    value = row.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


@lru_cache(maxsize=4096)
def number(text: str) -> float:
    """The first number of a text ("cnndm~924" -> 924), NaN when there is none."""
    found = _NUMBER.search(text)
    if not found:
        return NAN
    value = float(found.group())
    return value if math.isfinite(value) else NAN


def positive(row: Mapping[str, object], name: str) -> float:
    """A strictly positive number of the row, else NaN."""
    value = number(cell(row, name))
    return value if value > 0 else NAN


# Request mixes that publishers name instead of giving a length, in tokens (input, output).
_MIXES: tuple[tuple[str, float, float], ...] = (
    ("openorca/gsm8k/mbxp", 294.0, 145.0),
    ("openorca", 294.0, 294.0),
    ("cnndm", 924.0, 69.0),
    ("sharegpt", 250.0, 250.0),
)


@lru_cache(maxsize=4096)
def length(text: str, output: bool) -> float:
    """Tokens of an input or output length cell; a named mix gives its mean; NaN if unknown."""
    lowered = text.lower()
    if "~" in lowered and not lowered.startswith("~"):
        value = number(lowered.split("~", 1)[1])
        if value == value:
            return value
    for name, tokens_in, tokens_out in _MIXES:
        if name in lowered:
            return tokens_out if output else tokens_in
    if "<" in lowered:
        # A cap, not a mean: conversations fill about a quarter of it.
        return 0.25 * number(lowered)
    return number(lowered)


@dataclass(frozen=True, slots=True)
class Precision:
    """``compute`` is a peak column of the accelerators; ``weight_bits`` includes scales."""

    compute: str
    weight_bits: float
    stated: bool
    mixed: bool = False


# Bits a weight of the GGUF formats, scales included (llama.cpp's tables).
_GGUF_BITS = {"q2": 2.8, "q3": 3.9, "q4": 4.7, "q5": 5.6, "q6": 6.6, "q8": 8.5}


@lru_cache(maxsize=4096)
def precision(text: str) -> Precision:
    """Canonical precision of a publisher's label; ``stated`` is False when it says nothing."""
    name = text.lower()
    if not name or name.startswith("see") or name in ("mixed", "unknown"):
        return Precision("bf16", 16.0, False)
    if "mixed(mlperf)" in name:
        return Precision("bf16", 16.0, False, True)
    gguf = re.search(r"q(\d)_", name)
    if gguf:
        return Precision("fp16", _GGUF_BITS.get("q" + gguf.group(1), 4.7), True)
    if "mxfp4" in name or name.endswith("/q4"):
        return Precision("fp16" if "q4" in name else "fp4", 4.25, True)
    if "fp4" in name:
        return Precision("fp4", 4.5, True)
    if "fp8" in name or "float8" in name or "f8" in name:
        return Precision("fp8", 8.0, True)
    if "int4" in name or "w4" in name or "awq" in name or "gptq" in name:
        return Precision("int4", 4.25, True)
    if "int8" in name or "w8" in name:
        return Precision("int8", 8.0, True)
    if "amp" in name or "mixed" in name:
        return Precision("bf16" if "bf16" in name else "fp16", 16.0, True, True)
    if "tf32" in name:
        return Precision("tf32", 32.0, True)
    if "bf16" in name or "bfloat" in name:
        return Precision("bf16", 16.0, True)
    if "16" in name:
        return Precision("fp16", 16.0, True)
    if "32" in name or "float" in name:
        return Precision("fp32", 32.0, True)
    return Precision("bf16", 16.0, False)


_DEGREE = re.compile(r"\b(moe_tp|fsdp|tp|pp|dp|ep|cp|vp)[ =]?(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """Degrees stated in a parallelism cell; absent ones are NaN."""

    degrees: Mapping[str, float] = field(default_factory=dict)
    lora: bool = False
    sft: bool = False
    checkpointing: bool = False
    fsdp: bool = False
    layer_split: bool = False

    def degree(self, name: str) -> float:
        return self.degrees.get(name, NAN)


@lru_cache(maxsize=4096)
def layout(text: str) -> Layout:
    """Read "tp2 pp4 cp1 vp5 lora", "fsdp full_shard act-ckpt", "layer-split" and the like."""
    lowered = text.lower()
    return Layout(
        degrees={key.lower(): float(value) for key, value in _DEGREE.findall(lowered)},
        lora="lora" in lowered,
        sft="sft" in lowered,
        # Selective recomputation repeats norms and activation functions, not a forward pass.
        checkpointing=bool(re.search(r"(?<!selective )(ckpt|recomp|checkpoint)", lowered)),
        # ZeRO 1 and 2 shard optimizer state and gradients: weights stay where they are.
        fsdp="fsdp" in lowered or bool(re.search(r"zero(?![ =_-]*[012])", lowered)),
        layer_split="layer-split" in lowered,
    )


# Engine names in order of test: the first that occurs in the framework cell wins.
ENGINES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("trtllm", ("trtllm", "tensorrt-llm", "trt-llm")),
    ("vllm", ("vllm",)),
    ("sglang", ("sglang",)),
    ("llamacpp", ("llama.cpp", "ollama", "whisper.cpp", "ggml", "mlx")),
    ("megatron", ("megatron", "nemo")),
    ("maxtext", ("maxtext", "jax", "jetstream", "pax", "levanter")),
    ("llmfoundry", ("llm-foundry", "fsdp")),
    ("tensorrt", ("tensorrt", "jetpack", "cuda", "trt")),
    ("openvino", ("openvino",)),
    ("onnx", ("onnx",)),
    ("armnn", ("armnn",)),
    ("tflite", ("tflite",)),
    ("mxnet", ("mxnet",)),
    ("tensorflow", ("tensorflow", "tf")),
    ("pytorch", ("pytorch", "torch", "ngc", "dgl")),
)
ENGINE_NAMES = tuple(name for name, _ in ENGINES)


@dataclass(frozen=True, slots=True)
class Framework:
    engine: str
    version: float  # major + minor / 100, NaN when not stated
    compiled: bool
    eager: bool
    channels_last: bool
    nightly: bool


@lru_cache(maxsize=4096)
def framework(text: str) -> Framework:
    """Engine, version and mode of a framework cell."""
    lowered = text.lower()
    engine = "other"
    for name, keys in ENGINES:
        if any(key in lowered for key in keys):
            engine = name
            break
    version = re.search(r"(\d+)\.(\d+)", lowered)
    value = float(version.group(1)) + float(version.group(2)) / 100 if version else NAN
    return Framework(
        engine=engine,
        version=value,
        compiled="compile" in lowered or "xla" in lowered,
        eager="eager" in lowered,
        channels_last="nhwc" in lowered,
        nightly="nightly" in lowered or "dev" in lowered,
    )


_NOTE = re.compile(
    r"(grad_accum|concurrency|cores/socket|threads|tokens_per_step|cache_len)=([\d.]+)"
)


@dataclass(frozen=True, slots=True)
class Notes:
    values: Mapping[str, float]
    text: str

    def value(self, name: str) -> float:
        return self.values.get(name, NAN)

    def has(self, *words: str) -> bool:
        return any(word in self.text for word in words)


@lru_cache(maxsize=4096)
def notes(text: str) -> Notes:
    lowered = text.lower()
    values = {key: float(value.rstrip(".")) for key, value in _NOTE.findall(lowered)}
    return Notes(values, lowered)
