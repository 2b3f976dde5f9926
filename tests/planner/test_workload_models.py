"""A model by name, inline shape or parameter count alone; and which goes with which work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.errors import BadInput
from planner.model_choice import FITTING, shape_of
from planner.model_dimensions import count_shape, inline_shape
from planner.workload import KINDS, InlineModel, Portfolio, parse, read_any
from tests.planner.conftest import ROOT

# Those with a `kind:` or `workloads:`; the others are specs of other commands.
EXAMPLES = [
    path
    for path in sorted((ROOT / "examples").glob("*.yaml"))
    if re.search(r"^(kind|workloads):", path.read_text(), re.MULTILINE)
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.open()


def chosen(catalog: Catalog, text: str) -> ModelShape:
    return shape_of(catalog, parse(yaml.safe_load(text), where="job.yaml"), "job.yaml")


def parameters(shape: ModelShape) -> float:
    """Parameters of a dense transformer with gated feed-forward, counted anew."""
    assert shape.layers and shape.hidden and shape.heads and shape.kv_heads
    assert shape.head_dim and shape.ffn and shape.vocabulary
    attention = 2 * shape.hidden * shape.head_dim * (shape.heads + shape.kv_heads)
    block = attention + 3 * shape.hidden * shape.ffn
    copies = 1 if shape.tied_embeddings else 2
    return shape.layers * block + copies * shape.vocabulary * shape.hidden


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_workload_with_a_model(path: Path, catalog: Catalog) -> None:
    found = read_any(str(path))
    for workload in found.workloads if isinstance(found, Portfolio) else (found,):
        shape = shape_of(catalog, workload, path.name)
        generic = workload.kind == "generic"
        assert generic == (shape.parameters_billion == 0)
    if not isinstance(found, Portfolio):
        assert found.name == path.stem, "an answer is found back by the file's name"


def test_examples_show_every_kind() -> None:
    seen = set()
    for path in EXAMPLES:
        found = read_any(str(path))
        seen |= {w.kind for w in (found.workloads if isinstance(found, Portfolio) else [found])}
    assert seen == set(KINDS)
    assert set(FITTING) == set(KINDS) - {"generic"}


@pytest.mark.parametrize(
    "name", ["llama-3.1-8b", "LLAMA 3.1 8B", "meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b-hf"]
)
def test_names_as_people_write_them(name: str, catalog: Catalog) -> None:
    text = f"kind: finetune\nmodel: {name}\ntokens: 5M\n"
    assert chosen(catalog, text).name == "Llama-3.1-8B"


@pytest.mark.parametrize("count", ["7B", "7000000000", "7e9", "7 B", "7000M", "7B parameters"])
def test_a_count_alone_is_a_transformer(count: str, catalog: Catalog) -> None:
    shape = chosen(catalog, f"kind: serving\nmodel: {count}\nrequests_per_second: 5\n")
    assert (shape.kind, shape.parameters_billion) == ("transformer", 7.0)
    assert "assumption" in shape.source


def test_eight_billion_is_shaped_like_llama_8b(catalog: Catalog) -> None:
    """The proportions come from that family, so its own size must come back."""
    ours, theirs = count_shape("8B", 8.03e9), catalog.model_shape("llama-3.1-8b")
    for name in ("layers", "hidden", "heads", "kv_heads", "head_dim", "vocabulary"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.ffn == pytest.approx(theirs.ffn, rel=0.02)


@settings(max_examples=200, deadline=None)
@given(st.floats(1e7, 1e14))
def test_derived_dimensions_make_the_count(count: float) -> None:
    shape = count_shape("x", count)
    assert parameters(shape) == pytest.approx(count, rel=0.05)
    assert shape.heads and shape.kv_heads
    assert shape.heads % shape.kv_heads == 0


def test_published_shapes_given_inline_are_accepted(catalog: Catalog) -> None:
    """What the catalog knows, written out by a user, must not be called a contradiction."""
    names = ("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocabulary")
    names += ("experts", "experts_per_token", "expert_ffn")
    accepted = 0
    for known in catalog.model_shapes.values():
        if known.kind not in ("transformer", "encoder") or not known.hidden:
            continue
        given_dimensions = {n: getattr(known, n) for n in names if getattr(known, n)}
        if not known.is_mixture_of_experts:
            given_dimensions.pop("experts", None)
        shape = inline_shape(
            InlineModel(
                kind=known.kind,  # type: ignore[arg-type]
                parameters=known.parameters_billion * 1e9,
                active_parameters=known.active_parameters_billion * 1e9,
                tied_embeddings=known.tied_embeddings,
                **given_dimensions,
            )
        )
        assert shape.active_parameters_billion == pytest.approx(known.active_parameters_billion)
        accepted += 1
    assert accepted > 50


def test_experts_are_derived_from_active_parameters() -> None:
    """Mixtral-8x7B: 46.7B parameters, 12.9B used per token, two of eight experts."""
    shape = inline_shape(InlineModel(parameters=46.7e9, active_parameters=12.9e9, experts=8))
    assert (shape.experts, shape.experts_per_token) == (8, 2)
    assert shape.is_mixture_of_experts
    dense = inline_shape(
        InlineModel(parameters=46.7e9, experts=8, experts_per_token=2, layers=32, hidden=4096)
    )
    assert dense.active_parameters_billion == pytest.approx(12.9, rel=0.1)
    assert dense.expert_ffn == pytest.approx(14336, rel=0.05)


def test_vision_shapes_are_given_by_operations(catalog: Catalog) -> None:
    shape = chosen(
        catalog,
        "kind: vision-inference\nsamples: 1M\n"
        "model: {kind: vision, parameters: 25.6M, forward_flops: 8.2G, image_size: 224}\n",
    )
    assert shape.forward_gmacs == pytest.approx(4.1)


FINE = "kind: finetune\ntokens: 50M\nmodel: "
BATCH = "kind: batch-inference\nsamples: 1M\nmodel: "
REFUSED: dict[str, tuple[str, str]] = {
    "misspelt": (FINE + "lama-3.1-8b", "model: unknown model 'lama-3.1-8b'; did you mean Llama-3"),
    "unknown": (FINE + "qqqqqq", "model: unknown model 'qqqqqq'; the catalog has "),
    "of a hub": (FINE + "someone/qqqqqq", "model: unknown model 'someone/qqqqqq'; the catalog"),
    "tiny count": (FINE + "'7'", "model: '7' is no size of a model; write one such as 7B"),
    "huge count": (FINE + "9000T", "model: '9000T' is no size of a model; write one such as 7B"),
    "count of text": (FINE + "1M", "model: parameters of 1M are too few to derive a shape from"),
    "decimal comma": (FINE + "'1,5B'", "model: '1,5B' is not a quantity; write a quantity such as"),
    "vision for text": (
        FINE + "resnet50",
        "model: resnet50 is a vision model, which kind fine",
    ),
    "diffusion for text": (FINE + "sdxl-1.0", "SDXL-1.0 is a diffusion model, which kind finetune"),
    "text for images": (
        "kind: vision-inference\nsamples: 1M\nmodel: llama-3.1-8b",
        "model: Llama-3.1-8B is a transformer model, which kind vision-inference does not run; "
        "use kind pretrain or finetune or serving or batch-inference",
    ),
    "text on the edge": (
        "kind: edge\nframes_per_second: 5\nmodel: llama-3.2-1b",
        "model: Llama-3.2-1B is a transformer model, which kind edge does not run",
    ),
    "encoder served": (
        "kind: serving\nrequests_per_second: 5\nmodel: bert-base",
        "model: BERT-base is an encoder model, which kind serving does not run",
    ),
    "count for images": (
        "kind: edge\nframes_per_second: 5\nmodel: 7B",
        "model: a parameter count such as '7B' says too little for kind edge; name a model, or",
    ),
    "operations unknown": (BATCH + "FLUX.1-schnell", "model: the operations of one pass of FLUX"),
    "contradiction": (
        FINE + "{parameters: 7B, layers: 80, hidden: 8192}",
        "model.parameters: is 7B, and the dimensions given make 51.8B; correct one of them",
    ),
    "contradiction below": (
        FINE + "{parameters: 70B, layers: 32, hidden: 4096, ffn: 14336, vocabulary: 128256}",
        "model.parameters: is 70B, and the dimensions given make 8.03B; correct one of them",
    ),
    "active without experts": (
        FINE + "{parameters: 7B, active_parameters: 1B}",
        "model.experts: is missing; active_parameters needs how many there are",
    ),
    "experts without active": (
        FINE + "{parameters: 47B, experts: 8}",
        "model.active_parameters: is missing; with experts it is needed, or layers and hidden",
    ),
    "too small": (FINE + "{parameters: 1M}", "model.parameters: of 1M are too few to derive"),
    "tokens of images": (
        BATCH.replace("samples: 1M", "tokens: 1B") + "resnet50",
        "tokens: does not go with resnet50, a vision model; say how much work it is with samples",
    ),
    "steps of text": (
        BATCH + "qwen2.5-7b\ndenoising_steps: 20",
        "denoising_steps: does not go with Qwen2.5-7B, a transformer model; leave it out",
    ),
    "steps of a classifier": (
        BATCH + "resnet50\ndenoising_steps: 20",
        "denoising_steps: does not go with resnet50, a vision model",
    ),
    "pixels of text": (BATCH + "qwen2.5-7b\nimage_size: 224", "image_size: does not go with Qwen2"),
    "text from an encoder": (
        BATCH + "bert-base\noutput_length: 20\ninput_length: 128",
        "output_length: does not go with BERT-base, an encoder model",
    ),
    "token price of images": (
        BATCH + "resnet50\n"
        "hosted_api: {usd_per_million_input_tokens: 1, usd_per_million_output_tokens: 1}",
        "hosted_api: does not go with resnet50",
    ),
    "longer than it reads": (
        BATCH + "bert-base\ninput_length: 2048",
        "input_length: with output_length it is 2,048 tokens, and BERT-base reads 512; shorten",
    ),
    "served longer than it reads": (
        "kind: serving\nrequests_per_second: 5\nmodel: llama-2-7b\n"
        "requests: [{input_length: 100, output_length: 10, share: 0.9}, "
        "{input_length: 4000, output_length: 200, share: 0.1}]",
        "input_length: with output_length it is 4,200 tokens, and Llama-2-7B reads 4,096",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_model_is_refused_in_one_line(case: str, catalog: Catalog) -> None:
    text, told = REFUSED[case]
    with pytest.raises(BadInput) as refusal:
        chosen(catalog, text)
    line = str(refusal.value)
    assert line.startswith("job.yaml: ")
    assert "\n" not in line
    assert ";" in line, "a remedy follows the problem"
    assert told in line
