"""Dimensions of a network that the user describes in part, or by its parameter count alone.

What is not given follows from the count by the proportions of the Llama 3 models (Grattafiori et
al. 2024, table 3: hidden = 128 x layers, heads of 128, 8 key-value heads, feed-forward 3.5 x
hidden, vocabulary 128,256), or of BERT for encoders (Devlin et al. 2018, section 3). That it is
built like them is an assumption, and the shape's ``source`` says so.
"""

from __future__ import annotations

from collections.abc import Callable

from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from planner.workload import InlineModel

# Dimensions and parameter count may differ by what a count leaves out: biases, norms, an extra
# head, experts that all tokens share.
TOLERANCE = 0.30
# Experts may sit in every second or third layer only.
EXPERTS_TOLERANCE = 1.5
LLAMA_VOCABULARY = 128_256
SMALL_VOCABULARY = 32_000  # Llama 2; a large vocabulary would be most of a small model
BERT_VOCABULARY = 30_522
LARGE = 1e9
# Llama 3.2 ties the embeddings of its 1B and 3B models, not of larger ones.
TIED_BELOW = 4e9
KV_HEADS = 8
FEWEST = 10_000_000


@dataclass(frozen=True)
class Style:
    """Proportions of a family."""

    hidden_per_layer: float
    ffn_per_hidden: float
    # gate, up and down projections, or up and down alone
    matrices: int
    grouped: bool


LLAMA = Style(128.0, 3.5, 3, grouped=True)
BERT = Style(64.0, 4.0, 2, grouped=False)


def inline_shape(model: InlineModel) -> ModelShape:
    """The whole shape. Raises ValueError, which begins with the field's name, where what is
    given contradicts the parameter count or does not suffice."""
    if model.kind in ("vision", "diffusion"):
        activations = model.activations
        return ModelShape(
            name=model.name,
            family="inline",
            kind=model.kind,
            parameters_billion=model.parameters / 1e9,
            active_parameters_billion=model.parameters / 1e9,
            layers=model.layers,
            forward_gmacs=(model.forward_flops or 0.0) / 2e9,
            activations_million=None if activations is None else activations / 1e6,
            image_size=model.image_size or 224,
            source="given in the workload"
            + ("" if model.image_size else "; assumption: figures are for 224 pixels"),
        )
    return _Derivation(model).shape()


def count_shape(name: str, parameters: float) -> ModelShape:
    """A transformer of this many parameters and nothing else known. Raises ValueError."""
    return inline_shape(InlineModel(name=name, parameters=parameters))


class _Derivation:
    """One transformer or encoder on its way from what is given to what is needed."""

    def __init__(self, model: InlineModel) -> None:
        self.model = model
        encoder = model.kind == "encoder"
        self.style = BERT if encoder else LLAMA
        small = BERT_VOCABULARY if encoder else SMALL_VOCABULARY
        large = BERT_VOCABULARY if encoder else LLAMA_VOCABULARY
        self.vocabulary = model.vocabulary or (large if model.parameters >= LARGE else small)
        said = "tied_embeddings" in model.model_fields_set
        self.tied = model.tied_embeddings if said else encoder or model.parameters < TIED_BELOW

    def shape(self) -> ModelShape:
        model = self.model
        if model.experts is None and (model.active_parameters or model.parameters) < (
            model.parameters * (1 - TOLERANCE)
        ):
            raise ValueError("experts is missing; active_parameters needs how many there are")
        layers, hidden = self._depth_and_width()
        head_dim, heads, kv_heads = self._heads(hidden)
        attention = 2 * hidden * heads * head_dim + 2 * hidden * kv_heads * head_dim
        rest = self._embeddings(hidden) + layers * attention
        ffn = expert_ffn = per_token = None
        active = model.active_parameters or model.parameters
        if model.experts is None:
            ffn = self._feed_forward(layers, hidden, rest)
            self._check(rest + layers * hidden * ffn * 3, rest + layers * hidden * ffn * 2)
        else:
            one = layers * hidden * 3.0
            expert_ffn = model.expert_ffn or _multiple(
                (model.parameters - rest) / (one * model.experts), 16
            )
            self._check(*(rest + one * n / 3 * model.experts * expert_ffn for n in (3, 2)))
            spare = (model.active_parameters or 0.0) - rest
            per_token = model.experts_per_token or min(
                model.experts, max(1, round(spare / (one * expert_ffn)))
            )
            computed = rest + one * per_token * expert_ffn
            active = model.active_parameters or min(computed, model.parameters)
            ffn = model.ffn or expert_ffn
        return ModelShape(
            name=model.name,
            family="inline",
            kind=model.kind,
            parameters_billion=model.parameters / 1e9,
            active_parameters_billion=active / 1e9,
            layers=layers,
            hidden=hidden,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=head_dim,
            ffn=ffn,
            vocabulary=self.vocabulary,
            experts=model.experts,
            experts_per_token=per_token,
            expert_ffn=expert_ffn,
            sliding_window=model.sliding_window,
            tied_embeddings=self.tied,
            source=self._source(),
        )

    def _depth_and_width(self) -> tuple[int, int]:
        model, style = self.model, self.style
        hidden = model.hidden
        if hidden is None and model.heads is not None:
            hidden = model.heads * (model.head_dim or 128)
        target = model.parameters
        if model.experts is not None:
            if model.active_parameters is None and (model.layers is None or hidden is None):
                raise ValueError(
                    "active_parameters is missing; with experts it is needed, or layers and hidden"
                )
            target = model.active_parameters or target
        if hidden is not None:
            layers = model.layers or max(1, round(self._solve(target, lambda n: (n, hidden))))
            return layers, hidden
        if model.layers is None:
            if target < FEWEST and model.vocabulary is None:
                raise ValueError(
                    f"parameters of {_size(target)} are too few to derive a shape from; "
                    "give layers, hidden and vocabulary"
                )
            depth = self._solve(target, lambda n: (n, style.hidden_per_layer * n))
            width = self._whole_heads(style.hidden_per_layer * depth)
            return max(1, round(self._solve(target, lambda n: (n, width)))), width
        layers = model.layers
        return layers, self._whole_heads(self._solve(target, lambda h: (layers, h)))

    def _whole_heads(self, width: float) -> int:
        """The nearest width that key-value heads divide evenly."""
        head_dim = self.model.head_dim or (128 if width >= 1024 else 64)
        grouped = self.style.grouped and width >= KV_HEADS * head_dim
        return _multiple(width, head_dim * (KV_HEADS if grouped else 1))

    def _solve(self, target: float, at: Callable[[float], tuple[float, float]]) -> float:
        """Where the parameter count, which grows with x, meets ``target``; by bisection."""
        low, high = 0.0, 1e7
        for _ in range(80):
            middle = (low + high) / 2
            if self._count(*at(middle)) < target:
                low = middle
            else:
                high = middle
        return high

    def _count(self, layers: float, hidden: float) -> float:
        """Parameters of a dense model with these dimensions, before rounding to whole heads."""
        model, style = self.model, self.style
        query = (model.heads * model.head_dim) if model.heads and model.head_dim else hidden
        grouped = min(query, (model.kv_heads or KV_HEADS) * (model.head_dim or 128))
        key_value = grouped if style.grouped else query
        ffn = model.ffn or style.ffn_per_hidden * hidden
        block = 2 * hidden * query + 2 * hidden * key_value + style.matrices * hidden * ffn
        return layers * block + self._embeddings(hidden)

    def _embeddings(self, hidden: float) -> float:
        return self.vocabulary * hidden * (1 if self.tied else 2)

    def _heads(self, hidden: int) -> tuple[int, int, int]:
        """Size of a head, heads, key-value heads."""
        model = self.model
        usual = 128 if hidden >= 1024 and self.style is LLAMA else 64
        heads = model.heads or max(1, round(hidden / (model.head_dim or usual)))
        head_dim = model.head_dim or max(1, round(hidden / heads))
        most = model.kv_heads or (min(KV_HEADS, heads) if self.style.grouped else heads)
        # each key-value head serves as many heads
        kv_heads = max(n for n in range(1, min(most, heads) + 1) if heads % n == 0)
        return head_dim, heads, kv_heads

    def _feed_forward(self, layers: int, hidden: int, rest: float) -> int:
        """Width of the feed-forward part: given, or what the count leaves for it."""
        model, style = self.model, self.style
        if model.ffn is not None:
            return model.ffn
        usual = style.ffn_per_hidden * hidden
        left = (model.parameters - rest) / (layers * hidden * style.matrices)
        # Beyond threefold it is a contradiction, which the check that follows puts into numbers.
        return _multiple(left if usual / 3 <= left <= usual * 3 else usual, 16)

    def _check(self, *computed: float) -> None:
        """Refuse dimensions that make another network than the parameter count says.

        The feed-forward part may have two matrices or three: whichever is nearer counts.
        """
        stated = self.model.parameters
        nearest = min(computed, key=lambda count: abs(count - stated))
        above = TOLERANCE if self.model.experts is None else EXPERTS_TOLERANCE
        if not 1 - TOLERANCE <= nearest / stated <= 1 + above:
            raise ValueError(
                f"parameters is {_size(stated)}, and the dimensions given make "
                f"{_size(nearest)}; correct one of them"
            )

    def _source(self) -> str:
        asked = ("layers", "hidden", "heads", "kv_heads", "vocabulary")
        missing = [name for name in asked if getattr(self.model, name) is None]
        if not missing:
            return "given in the workload"
        like = "Llama" if self.style is LLAMA else "BERT"
        return (
            f"assumption: {', '.join(missing)} in the proportions of {like} models for "
            f"{_size(self.model.parameters)} parameters"
        )


def _multiple(value: float, of: int) -> int:
    return max(of, round(value / of) * of)


def _size(parameters: float) -> str:
    """A parameter count as people say it: 7B, 350M."""
    for unit, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6)):
        if parameters >= scale:
            return f"{parameters / scale:.3g}{unit}"
    return f"{parameters:.3g}"
