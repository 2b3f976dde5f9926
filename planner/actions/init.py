"""The use case behind ``planner init``: answers in, a checked and commented workload file out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from catalog import Catalog, UnknownName
from catalog.errors import fold
from planner.errors import BadInput
from planner.field_errors import shown, suggest
from planner.model_choice import FITTING, fitting_names, named_shape, shape_of
from planner.workload import KINDS, MODELS, Where, parse
from planner.workload.refusals import refusals

WHERE = "init"
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_TEXT_FIELDS = ("name", "model", "framework")
FOUND_AT_MOST = 12


@dataclass(frozen=True)
class Question:
    """What is asked for one field. Without a ``default`` an answer is needed; "" leaves it out."""

    field: str
    text: str
    default: str | None = ""


_WHERE = (
    Question("where.clouds", "Clouds allowed, with commas (empty: all)"),
    Question("where.residency", "Data must stay in, e.g. eu or us (empty: anywhere)"),
)
_FINITE = (
    Question("deadline", "Deadline, e.g. 24h (empty: none)"),
    Question("budget", "Budget in total, e.g. 500 USD (empty: none)"),
    *_WHERE,
)
_SERVICE = (
    Question("horizon", "How long it is paid for", "30d"),
    Question("budget", "Budget over that time, e.g. 5k USD (empty: none)"),
)
_MODEL = Question("model", "Model: a name, a size such as 7B, or ?word to search", None)
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "pretrain": (
        _MODEL,
        Question("tokens", "Tokens in total, e.g. 300B", None),
        Question("sequence_length", "Tokens a sequence", "4096"),
        *_FINITE,
    ),
    "finetune": (
        _MODEL,
        Question("method", "Method: full, lora or qlora", "lora"),
        Question("tokens", "Tokens in total, over all epochs, e.g. 50M", None),
        Question("sequence_length", "Tokens a sequence", "2048"),
        *_FINITE,
    ),
    "vision-training": (
        _MODEL,
        Question("samples", "Images in the training set, e.g. 60k", None),
        Question("epochs", "Passes over them", "10"),
        Question("batch_size", "Images a step", "64"),
        *_FINITE,
    ),
    "serving": (
        _MODEL,
        Question("requests_per_second", "Requests a second at the peak, e.g. 10/s", None),
        Question("input_length", "Prompt tokens of a request", "1024"),
        Question("output_length", "Generated tokens of a request", "256"),
        Question("ttft_p95", "Time to first token for 95% of requests (empty: any)", "1s"),
        Question("tpot_p95", "Time per output token for 95% of requests (empty: any)", "50ms"),
        *_SERVICE,
        *_WHERE,
    ),
    "batch-inference": (
        _MODEL,
        Question("samples", "Requests, texts or images in total, e.g. 1M", None),
        *_FINITE,
    ),
    "vision-inference": (
        _MODEL,
        Question("requests_per_second", "Images a second at the peak, e.g. 100/s", None),
        Question("latency_p95", "Latency for 95% of images, e.g. 20ms (empty: any)"),
        *_SERVICE,
        *_WHERE,
    ),
    "generic": (
        Question("name", "Name", "simulation"),
        Question("flops", "Floating-point operations in total, e.g. 3e21", None),
        Question("bytes", "Memory traffic in total, e.g. 40PB (empty: unknown)"),
        Question("memory", "Working set over all devices, e.g. 900GiB (empty: small)"),
        Question("precision", "Arithmetic", "fp64"),
        *_FINITE,
    ),
    "edge": (
        _MODEL,
        Question("frames_per_second", "Frames a second of one camera", "30"),
        Question("streams", "Cameras or sensors", "1"),
        Question("latency_p95", "Latency of a frame, e.g. 50ms (empty: any)"),
        Question("power", "Most one device may draw, e.g. 15W (empty: any)"),
        Question("horizon", "How long it is paid for", "1y"),
    ),
}


class Draft:
    """A workload file in the making: each answer is checked when it is given."""

    def __init__(self, kind: str, catalog: Catalog) -> None:
        if kind not in KINDS:
            raise BadInput(
                f"{shown(kind)} is not a kind of work", where="kind", remedy=suggest(kind, KINDS)
            )
        self.kind = kind
        self.catalog = catalog
        self.data: dict[str, Any] = {"kind": kind}
        self._left_out: list[Question] = []

    @property
    def questions(self) -> tuple[Question, ...]:
        return QUESTIONS[self.kind]

    def answer(self, field: str, text: str) -> None:
        """Take one answer; ``field`` may be dotted. Raises BadInput and keeps nothing of it."""
        text = text.strip()
        head, _, rest = field.partition(".")
        if field == "kind":
            raise BadInput("is given apart", where="kind", remedy="say --kind KIND")
        if not head or not text:
            raise BadInput("is empty", where=field or WHERE, remedy="write FIELD=VALUE")
        value = _value(self.kind, field, text)
        data = dict(self.data)
        data[head] = _put(data.get(head), rest.split("."), value) if rest else value
        self._check(data, field, text)
        self.data = data

    def leave_out(self, question: Question) -> None:
        """The user has no answer: the field goes into the file as a comment."""
        self._left_out.append(question)

    def search(self, word: str) -> list[str]:
        """Models of the catalog that go with the kind and have ``word`` in their name."""
        return [name for name in fitting_names(self.catalog, self.kind) if fold(word) in fold(name)]

    def fill_defaults(self) -> None:
        """Defaults of the questions that were not answered, where there are any."""
        for question in self.questions:
            if question.field.partition(".")[0] in self.data:
                continue
            if question.default and question.field in ("method", "sequence_length", "horizon"):
                self.answer(question.field, question.default)

    def file_name(self) -> str:
        return f"{self._name()}.yaml"

    def text(self) -> str:
        """The file. Raises BadInput when the answers do not make a workload together."""
        named = {"kind": self.kind, "name": self._name(), **self.data}
        workload = parse(named, where="init")
        shape_of(self.catalog, workload, "init")
        lines = [
            "# Written by `planner init`. All fields: `planner schema "
            f"{self.kind}`; answer: `planner recommend FILE`.",
            *_lines(named, MODELS[self.kind], 0),
        ]
        lines += [f"# {q.field}:  # {q.text}" for q in self._left_out if "." not in q.field]
        return "\n".join(lines) + "\n"

    def _name(self) -> str:
        given = self.data.get("name")
        if given:
            slug = str(given)
        else:
            model = self.data.get("model", "")
            slug = f"{self.kind}-{model if isinstance(model, str) else model.get('name', 'own')}"
        return re.sub(r"[^a-zA-Z0-9.-]+", "-", slug).strip("-.").lower()[:80] or self.kind

    def _check(self, data: dict[str, Any], field: str, text: str) -> None:
        model = MODELS[self.kind]
        try:
            model.model_validate(data)
        except ValidationError as error:
            known = set(_paths(data))
            for path, is_missing, line in refusals(error, model, ""):
                mine = path == field or path.startswith((f"{field}.", f"{field}["))
                if mine or (not is_missing and path in known):
                    raise BadInput(line.problem, where=path or field, remedy=line.remedy) from None
        if field == "model":
            named_shape(self.catalog, text, self.kind, WHERE)
        if field == "where.clouds":
            self._check_known(data, "clouds", self.catalog.offers.vocabularies["cloud"])
        if field == "where.accelerators":
            for name in data["where"]["accelerators"]:
                if name.lower() != "cpu":
                    self._check_accelerator(name)

    def _check_known(self, data: dict[str, Any], name: str, known: Sequence[str]) -> None:
        for value in data["where"][name]:
            if value not in known:
                raise BadInput(
                    f"{shown(value)} is not in the catalog",
                    where=f"where.{name}",
                    remedy=suggest(value, sorted(known)),
                )

    def _check_accelerator(self, name: str) -> None:
        try:
            self.catalog.accelerator(name)
        except UnknownName as error:
            close = ", ".join(error.suggestions)
            raise BadInput(
                f"{shown(name)} is not in the catalog",
                where="where.accelerators",
                remedy=f"did you mean {close}?" if close else "see `planner catalog list`",
            ) from None


def kinds() -> str:
    """The kinds of work in a line."""
    return ", ".join(KINDS)


def models_in_words(names: Sequence[str], kind: str) -> str:
    """What a search found, in a line."""
    if not names:
        return f"no {' or '.join(FITTING[kind])} model with that name in the catalog"
    more = f" and {len(names) - FOUND_AT_MOST} more" if len(names) > FOUND_AT_MOST else ""
    return ", ".join(names[:FOUND_AT_MOST]) + more


def _value(kind: str, field: str, text: str) -> Any:
    """Text as YAML would have it, but quantities, names and commas as people write them."""
    if text[0] in "[{":
        from planner.yaml_file import load

        return load(field, text)
    head, _, rest = field.partition(".")
    fields = Where.model_fields if head == "where" else MODELS[kind].model_fields
    asked = fields.get(rest if head == "where" else head)
    if asked is not None and get_origin(asked.annotation) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if field not in _TEXT_FIELDS and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def _put(below: Any, path: list[str], value: Any) -> dict[str, Any]:
    """``below`` with ``value`` at ``path`` inside it."""
    inside = dict(below) if isinstance(below, dict) else {}
    head, *rest = path
    inside[head] = _put(inside.get(head), rest, value) if rest else value
    return inside


def _paths(data: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in data.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from _paths(value, f"{above}{name}.")


def _lines(data: dict[str, Any], model: type[BaseModel] | None, depth: int) -> list[str]:
    """YAML with each field's description beside it."""
    import yaml

    lines: list[str] = []
    for name, value in data.items():
        field = None if model is None else model.model_fields.get(name)
        nested = Where if name == "where" else None
        pad = "  " * depth
        if isinstance(value, dict) and nested is not None:
            lines += [f"{pad}{name}:", *_lines(value, nested, depth + 1)]
            continue
        dumped = yaml.safe_dump(
            {name: value}, default_flow_style=isinstance(value, (list, dict)), width=10_000
        ).strip()
        if dumped.startswith("{"):
            dumped = dumped[1:-1]
        comment = field.description if field is not None and field.description else ""
        lines.append(f"{pad}{dumped}" + (f"  # {comment}" if comment else ""))
    return lines
