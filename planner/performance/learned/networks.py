"""Networks of rows as numbers: transformer shapes, vision work, with estimates where unknown.

Parameters are 1e9, work is GMACs (1e9 multiply-accumulates) of one sample's forward pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from catalog import Catalog, ModelShape, UnknownName
from catalog.records import dataclass
from planner.performance.learned.names import NamedNetwork, named_network
from planner.performance.learned.text import cell, positive

NAN = math.nan
LANGUAGE = ("llm", "llm-moe", "seq2seq")


@dataclass(frozen=True, slots=True)
class Network:
    """``model_class`` is llm, llm-moe, seq2seq, bert, asr, diffusion, cnn, vit or detection."""

    name: str
    model_class: str
    params: float
    active: float
    layers: float = NAN
    hidden: float = NAN
    heads: float = NAN
    kv_heads: float = NAN
    head_dim: float = NAN
    ffn: float = NAN
    vocab: float = NAN
    experts: float = 1.0
    experts_per_token: float = 1.0
    expert_ffn: float = NAN
    kv_rank: float = 0.0
    rope_dim: float = 0.0
    window: float = NAN
    hybrid: bool = False
    gmacs: float = NAN
    image: float = NAN
    known: bool = False


# Names used by publishers for a catalog shape: a pattern and the catalog's name.
_SYNONYMS: tuple[tuple[str, str], ...] = (
    (r"llama-?3(\.\d)?-8b|r1-distill-llama-8b", "Llama-3.1-8B"),
    (r"llama-?3(\.\d)?-70b|r1-distill-llama-70b", "Llama-3.1-70B"),
    (r"llama-?3(\.\d)?-405b", "Llama-3.1-405B"),
    (r"llama-?2-70b", "Llama-2-70B"),
    (r"llama-?2-13b", "Llama-2-13B"),
    (r"llama-?2?-7b|vicuna-7b", "Llama-2-7B"),
    (r"llama-?4-scout", "Llama-4-Scout"),
    (r"llama-?4-maverick", "Llama-4-Maverick"),
    (r"mixtral-8x22b", "Mixtral-8x22B"),
    (r"mixtral-8x7b", "Mixtral-8x7B"),
    (r"mistral-(small-)?24b", "Mistral-7B"),
    (r"mistral-7b", "Mistral-7B"),
    (r"deepseek-(v3|r1)(?!-distill)", "DeepSeek-V3"),
    (r"gpt-?oss-?120b", "GPT-OSS-120B"),
    (r"gpt-?oss-?20b", "GPT-OSS-20B"),
    (r"gpt-?3-175b|^gpt-?3$", "GPT-3-175B"),
    (r"gpt-?j", "GPT-J-6B"),
    (r"falcon-180b", "Falcon-180B"),
    (r"kimi-k2", "Kimi-K2"),
    (r"gemma-4-26b", "Gemma-4-26B-A4B"),
    (r"nemotron.*30b-a3b", "Nemotron-3-Nano-30B-A3B"),
    (r"bert-?base", "BERT-base"),
    (r"bert-?large|^bert", "BERT-large"),
)


class NetworkBook:
    """Look-ups by name, parameters, GMACs and resolution; remembered."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._shapes: dict[str, ModelShape | None] = {}
        self._found: dict[tuple[str, ...], Network | None] = {}

    def find(self, row: Mapping[str, object]) -> Network | None:
        """The row's network; None when neither its name nor its columns say how much work it is."""
        key = tuple(
            cell(row, name)
            for name in ("model", "model_class", "params_b", "fwd_gmacs", "img_size", "metric")
        )
        if key not in self._found:
            self._found[key] = self._build(row, self._shape(cell(row, "model")))
        return self._found[key]

    def of_shape(self, shape: ModelShape, row: Mapping[str, object]) -> Network | None:
        """A network given by its shape, in the catalog or not; the row's own figures come first."""
        image = positive(row, "img_size")
        native = float(shape.image_size or 224)
        gmacs = None
        if shape.forward_gmacs:
            gmacs = shape.forward_gmacs * ((image / native) ** 2 if image > 0 else 1.0)
        facts: dict[str, object] = {
            "params_b": shape.parameters_billion,
            "fwd_gmacs": gmacs,
            "img_size": shape.image_size,
            "model_class": _class_of(shape, None, cell(row, "metric"), shape.name),
        }
        filled = {name: cell(row, name) or fact for name, fact in facts.items()}
        return self._build({"model": shape.name, **row, **filled}, shape)

    def _shape(self, name: str) -> ModelShape | None:
        if name not in self._shapes:
            self._shapes[name] = self._look_up(name)
        return self._shapes[name]

    def _look_up(self, name: str) -> ModelShape | None:
        for candidate in _spellings(name):
            try:
                return self._catalog.model_shape(candidate)
            except UnknownName:
                continue
        return None

    @cached_property
    def _published(self) -> Mapping[str, tuple[float, float, float]]:
        """Parameters (1e9), GMACs and pixels that publishers state for a network, by its name.

        Only these facts of the architecture are read from the observations, no outcome.
        """
        found: dict[str, tuple[float, float, float]] = {}
        for row in self._catalog.rows("observations", "params_b IS NOT NULL"):
            name = cell(row, "model").lower()
            fact = (
                positive(row, "params_b"),
                positive(row, "fwd_gmacs"),
                positive(row, "img_size"),
            )
            if name not in found or not found[name][1] > 0:
                found[name] = fact
        return found

    def _relative(self, name: str) -> tuple[float, float, float] | None:
        """Facts of the published vision network whose name begins most like this one's.

        A relative shares the family (the letters that a name begins with) and one more sign.
        """
        family = re.match(r"[a-z]*", name)
        shortest = max(4, len(family.group()) + 1 if family else 4)
        best: tuple[int, str] | None = None
        for known, fact in sorted(self._published.items()):
            common = _common(known, name)
            if fact[1] > 0 and common >= shortest and (best is None or common > best[0]):
                best = (common, known)
        return self._published[best[1]] if best else None

    def _build(self, row: Mapping[str, object], shape: ModelShape | None) -> Network | None:
        name = cell(row, "model")
        params = positive(row, "params_b")
        gmacs = positive(row, "fwd_gmacs")
        image = positive(row, "img_size")
        stated = cell(row, "model_class").lower()
        # A transformer's shape says more than its name could.
        language = shape is not None and shape.kind == "transformer"
        named = None if language else named_network(name, image)
        model_class = stated or _class_of(shape, named, cell(row, "metric"), name)
        if model_class in LANGUAGE or model_class == "bert":
            if shape is not None and shape.kind in ("vision", "diffusion"):
                shape = None
            return _language(name, model_class, params, shape, named)
        if named is not None:
            named_class, named_params, named_gmacs, named_image = (
                named.model_class,
                named.params,
                named.gmacs,
                named.image,
            )
        else:
            named_class, named_params, named_gmacs, named_image = model_class, NAN, NAN, NAN
        if shape is not None and shape.kind in ("vision", "diffusion"):
            named_params = _first(named_params, shape.parameters_billion)
            if not named_gmacs > 0 and shape.forward_gmacs:
                native = float(shape.image_size or 224)
                scale = (image / native) ** 2 if image > 0 else 1.0
                named_gmacs, named_image = shape.forward_gmacs * scale, _first(image, native)
        params = _first(params, named_params)
        if not (params > 0 and (gmacs > 0 or named_gmacs > 0)):
            fact = self._published.get(name.lower()) or self._relative(name.lower())
            if fact is not None:
                named_params = _first(named_params, fact[0])
                if not named_gmacs > 0 and fact[1] > 0:
                    image = _first(image, fact[2])
                    scale = (image / fact[2]) ** 2 if image > 0 and fact[2] > 0 else 1.0
                    named_gmacs = fact[1] * scale
                params = _first(params, named_params)
        # Detectors and diffusers quote other tokens per image than pixels: trust their own figure.
        gmacs = _first(gmacs, named_gmacs)
        image = _first(image, named_image)
        if not gmacs > 0 and params > 0:
            # ResNets do about 0.16 MAC a parameter and 224 x 224 image, per thousand.
            gmacs = 160.0 * params * (_first(image, 224.0) / 224.0) ** 2
        if not gmacs > 0:
            return None
        if not params > 0:
            params = gmacs / 160.0
        return Network(
            name,
            model_class or named_class,
            params,
            params,
            gmacs=gmacs,
            image=image,
            known=named is not None or shape is not None,
        )


def _spellings(name: str) -> Iterator[str]:
    """The name, then plainer forms of it, then the catalog's names of what it is known as."""
    yield name
    bare = name.split("/")[-1]
    yield bare
    variant = r"[-_](instruct|chat|base|hf|it|fp8|fp4|nvfp4|v0\.\d)\b.*$"
    yield re.sub(variant, "", bare, flags=re.IGNORECASE)
    for pattern, known in _SYNONYMS:
        if re.search(pattern, name.lower()):
            yield known


def _common(left: str, right: str) -> int:
    """Letters that two names begin with alike."""
    for count, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return count
    return min(len(left), len(right))


def _first(*values: float) -> float:
    for value in values:
        if value > 0:
            return value
    return NAN


def _class_of(shape: ModelShape | None, named: NamedNetwork | None, metric: str, name: str) -> str:
    if named is not None:
        return named.model_class
    if shape is not None:
        if shape.family == "bert" or shape.kind == "encoder":
            return "bert"
        if shape.kind == "transformer":
            return "llm-moe" if shape.is_mixture_of_experts else "llm"
        if shape.kind == "diffusion":
            return "diffusion"
        if shape.family in ("detection", "cnn"):
            return shape.family
        return "vit" if re.search(r"vit|beit|swin", name.lower()) else "cnn"
    if metric.startswith("tokens") or metric == "mfu":
        return "llm-moe" if re.search(r"-a\d+(\.\d+)?b|moe|8x", name.lower()) else "llm"
    if re.search(r"-\d+(\.\d+)?b\b|llama|qwen|gpt|gemma|mistral", name.lower()):
        return "llm"
    return "vit" if re.search(r"vit|deit|beit|eva|swin", name.lower()) else "cnn"


def _language(
    name: str, model_class: str, params: float, shape: ModelShape | None, named: NamedNetwork | None
) -> Network | None:
    if shape is not None:
        total = shape.parameters_billion
        active = shape.active_parameters_billion
        if params > 0 and not 0.8 < params / total < 1.25:
            active, total = active * params / total, params
        hidden = float(shape.hidden or NAN)
        heads = float(shape.heads or NAN)
        found = Network(
            name=name,
            model_class=model_class,
            params=total,
            active=active,
            layers=float(shape.layers or NAN),
            hidden=hidden,
            heads=heads,
            kv_heads=float(shape.kv_heads or shape.heads or NAN),
            head_dim=float(shape.head_dim or (hidden / heads if heads > 0 else NAN)),
            ffn=float(shape.ffn or NAN),
            vocab=float(shape.vocabulary or NAN),
            experts=float(shape.experts or 1),
            experts_per_token=float(shape.experts_per_token or 1),
            expert_ffn=float(shape.expert_ffn or NAN),
            kv_rank=float(shape.kv_lora_rank or 0),
            rope_dim=float(shape.rope_dim or 0),
            window=float(shape.sliding_window or NAN),
            hybrid="hybrid" in shape.family or "nemotron" in shape.family,
            known=True,
        )
        return _completed(found)
    lowered = name.lower()
    if not params > 0:
        size = re.search(r"(\d+(?:\.\d+)?)\s*b\b", lowered)
        small = re.search(r"(\d+(?:\.\d+)?)\s*m\b", lowered)
        huge = re.search(r"(\d+(?:\.\d+)?)\s*t\b", lowered)
        times = re.search(r"(\d+)x(\d+(?:\.\d+)?)b", lowered)
        if times:
            params = 0.85 * float(times.group(1)) * float(times.group(2))
        elif size:
            params = float(size.group(1))
        elif huge:
            params = 1000.0 * float(huge.group(1))
        elif small:
            params = float(small.group(1)) / 1000.0
        elif named is not None:
            params = named.params
    if not params > 0:
        return None
    sparse = re.search(r"[-_]a(\d+(?:\.\d+)?)b", lowered)
    active = float(sparse.group(1)) if sparse else params
    moe = model_class == "llm-moe" or bool(sparse) or "moe" in lowered or "mixtral" in lowered
    if moe and not sparse:
        active = params * (0.27 if params < 200 else 0.06)
    return _completed(
        Network(
            name=name,
            model_class=model_class,
            params=params,
            active=active,
            experts=128.0 if moe else 1.0,
            experts_per_token=8.0 if moe else 1.0,
            hybrid="nemotron-3" in lowered or "mamba" in lowered or "jamba" in lowered,
        )
    )


def _completed(found: Network) -> Network:
    """Fill unknown dimensions: a decoder has 12 layers x hidden^2 parameters, layers ~ hidden/128.

    A mixture of experts is as wide as a dense model of the geometric mean of its sizes.
    """
    dense = math.sqrt(found.params * found.active) * 1e9
    hidden = found.hidden if found.hidden > 0 else max(256.0, (dense * 128.0 / 12.0) ** (1 / 3))
    layers = found.layers if found.layers > 0 else max(4.0, round(hidden / 128.0))
    head_dim = found.head_dim if found.head_dim > 0 else (64.0 if hidden < 1500 else 128.0)
    heads = found.heads if found.heads > 0 else max(1.0, round(hidden / head_dim))
    kv_heads = found.kv_heads if found.kv_heads > 0 else (8.0 if heads >= 32 else heads)
    ffn = found.ffn if found.ffn > 0 else 3.5 * hidden
    return replace(
        found,
        hidden=hidden,
        layers=layers,
        head_dim=head_dim,
        heads=heads,
        kv_heads=kv_heads,
        ffn=ffn,
        vocab=found.vocab if found.vocab > 0 else 100000.0,
        expert_ffn=found.expert_ffn if found.expert_ffn > 0 else ffn,
    )
