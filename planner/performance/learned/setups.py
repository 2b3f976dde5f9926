"""Many set-ups of one workload at once: the bridge from the fitted model to plans.

All set-ups share a *template*, cells as an observation has them (``planner.performance.rows`` and
the catalog's ``observations`` table name the columns); what varies comes as arrays:

    template = {
        "task": "finetune",  # or train; serve, infer_batch for inference
        "model": "Llama-3.1-8B",
        "framework": "pytorch",
        "precision": "bf16",
        "seq_len": 4096,
        "parallelism": "lora",
    }
    found = predict_setups(
        catalog,
        template,
        ["H100-80GB", "L4"],
        {"devices": np.array([8.0, 4.0]), "tp": np.array([1.0, 4.0])},
    )
    tokens_per_s = np.exp(found.log_throughput) * devices

Columns, one number a set-up, NaN where unknown; all optional:
    devices, nodes      accelerators (CPU sockets) in total, and machines they are in
    batch               training: samples or sequences a step; inference: requests in flight; of all
                        devices together. ``batch_per_device`` may stand in for it
    tp pp dp ep cp vp moe_tp   degrees of parallelism (dp as a column is attention data parallelism
                        of inference; in training what the other degrees leave is data parallel)
    fsdp, checkpointing, lora  1 or 0: ZeRO or FSDP sharding, full recomputation, adapters only
    grad_accum, seq, input, output   micro-steps a step; tokens of a sequence, prompt and answer
    share               part of a device in (0, 1]: of a GPU's arithmetic, bandwidth and memory
    cores               cores of each CPU socket that the run may use

``cells`` hold text that varies by set-up in place of the template's (``precision``, ``framework``).
A shape that is not in the catalog goes in as ``shape``; the template's ``model`` is then optional.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, ModelShape
from catalog.records import dataclass
from planner.performance.learned.analytic import language_inference
from planner.performance.learned.artefact import Artefact, current
from planner.performance.learned.batches import derive
from planner.performance.learned.columns import Columns, FloatArray
from planner.performance.learned.devices import Device, DeviceBook
from planner.performance.learned.evaluation import ANALYTIC, Evaluation, evaluate
from planner.performance.learned.first_token import FirstToken
from planner.performance.learned.networks import LANGUAGE, Network, NetworkBook
from planner.performance.learned.numbers import row_numbers
from planner.performance.learned.table import (
    Table,
    class_of,
    device_name,
    fold_model,
    learner_of,
    split_by_load,
    stack,
)
from planner.performance.learned.text import cell

# Names of the columns here and in the table; columns not listed are called alike.
_RENAMED = {
    "devices": "stated_devices",
    "nodes": "stated_nodes",
    "batch": "stated_batch",
    "batch_per_device": "stated_per_device",
}
_DIRECT = frozenset(
    ("tp", "pp", "dp", "ep", "cp", "vp", "moe_tp", "fsdp", "checkpointing", "lora", "grad_accum",
     "seq", "input", "output")
)  # fmt: skip
_OF_DEVICE = ("share", "cores")
COLUMNS = frozenset((*_RENAMED, *_DIRECT, *_OF_DEVICE))


@dataclass(frozen=True)
class SetupPrediction:
    """Predictions of n set-ups; arrays have shape (n,), NaN where ``reasons`` is not empty.

    ``log_throughput`` is the natural log of the median in ``unit``: tokens (inference: output
    tokens), samples or images a second and device. ``log_low`` < 0 < ``log_high`` are offsets of
    the 80% interval, ``analytic`` is the log throughput before learning.
    """

    unit: str
    log_throughput: FloatArray
    log_low: FloatArray
    log_high: FloatArray
    analytic: FloatArray
    basis: list[str]
    reasons: list[str]


@dataclass(frozen=True)
class InferencePrediction(SetupPrediction):
    """With the times a request sees, of language models only; medians in seconds.

    ``prefill`` is one prompt alone on a replica; ``step`` one decode step of a full batch; ``tpot``
    the time between tokens of a request, steps and the prefills of others in between; ``ttft`` the
    time to the first token with that many requests in flight all the time (``first_token``).
    ``batch`` requests run at once on a replica of ``replica`` devices; memory bounds them at
    ``batch_limit``.
    """

    prefill: FloatArray
    step: FloatArray
    ttft: FloatArray
    tpot: FloatArray
    batch: FloatArray
    batch_limit: FloatArray
    replica: FloatArray


def predict_setups(
    catalog: Catalog,
    template: Mapping[str, object],
    devices: Sequence[str],
    columns: Mapping[str, FloatArray],
    *,
    cells: Mapping[str, Sequence[str]] | None = None,
    shape: ModelShape | None = None,
    artefact: Artefact | None = None,
) -> SetupPrediction:
    """Throughput of every set-up; ``devices`` names the accelerator of each, shape (n,).

    Raises ValueError for an unknown column or one of another length.
    """
    table, network = _table(catalog, template, devices, columns, shape, cells)
    return _collect(table, network, list(evaluate(table, artefact or current())))


def predict_inference(
    catalog: Catalog,
    template: Mapping[str, object],
    devices: Sequence[str],
    columns: Mapping[str, FloatArray],
    *,
    cells: Mapping[str, Sequence[str]] | None = None,
    shape: ModelShape | None = None,
    artefact: Artefact | None = None,
) -> InferencePrediction:
    """As ``predict_setups``, with prefill, TTFT and TPOT; for grids of ``batch`` (concurrency).

    Raises ValueError also for a template that does not describe inference of a language model.
    """
    table, network = _table(catalog, template, devices, columns, shape, cells)
    if set(table.learners) - {"language_inference", ""}:
        raise ValueError("predict_inference needs inference of a language model")
    fitted = artefact or current()
    parts = list(evaluate(table, fitted))
    found = _collect(table, network, parts)
    times = {name: np.full(len(table), np.nan) for name in _TIMES}
    for part in parts:
        for name, values in _times(part, fitted.first_token).items():
            times[name][part.features.rows] = values
    return InferencePrediction(
        unit=found.unit,
        log_throughput=found.log_throughput,
        log_low=found.log_low,
        log_high=found.log_high,
        analytic=found.analytic,
        basis=found.basis,
        reasons=found.reasons,
        prefill=times["prefill"],
        step=times["step"],
        ttft=times["ttft"],
        tpot=times["tpot"],
        batch=times["batch"],
        batch_limit=times["batch_limit"],
        replica=times["replica"],
    )


def as_row(
    template: Mapping[str, object], device: str, columns: Mapping[str, FloatArray], index: int
) -> dict[str, object]:
    """One set-up as an observation-like row, for ``neighbours``; shares and cores are left out."""
    given = {name: float(values[index]) for name, values in columns.items()}
    given = {name: value for name, value in given.items() if value == value}
    row: dict[str, object] = {**template, "accelerator": device}
    for name, cell_name in _CELLS.items():
        if name in given:
            row[cell_name] = f"{given[name]:.12g}"
    words = [cell(template, "parallelism")]
    words += [f"{name}{given[name]:.0f}" for name in _DEGREES if name in given]
    words += [word for name, word in _FLAGS.items() if given.get(name, 0.0) > 0]
    row["parallelism"] = " ".join(word for word in words if word)
    return row


_DEGREES = ("tp", "pp", "dp", "ep", "cp", "vp", "moe_tp")
_FLAGS = {"fsdp": "fsdp", "checkpointing": "act-ckpt", "lora": "lora"}
_CELLS = {
    "devices": "accelerators",
    "nodes": "nodes",
    "batch": "batch_global",
    "batch_per_device": "batch_per_device",
    "seq": "seq_len",
    "input": "input_len",
    "output": "output_len",
}
_TIMES = ("prefill", "step", "ttft", "tpot", "batch", "batch_limit", "replica")


def _times(part: Evaluation, first_token: FirstToken | None) -> Columns:
    """The analytic times, slowed alike by what was learnt of the whole request."""
    parts = part.features.parts
    slower = np.exp(-part.residual)
    prefill, step = parts["prefill"] * slower, parts["step"] * slower
    return {
        "prefill": prefill,
        "step": step,
        "ttft": first_token.seconds(parts, part.residual) if first_token else prefill + 0.5 * step,
        "tpot": language_inference.between_tokens(parts) * slower,
        "batch": parts["batch_effective"],
        "batch_limit": parts["kv_limit"],
        "replica": parts["replica"],
    }


def _collect(table: Table, network: Network | None, parts: Sequence[Evaluation]) -> SetupPrediction:
    """Results in the order of the set-ups."""
    throughput, low, high, analytic = (np.full(len(table), np.nan) for _ in range(4))
    basis, reasons = [ANALYTIC] * len(table), list(table.reasons)
    for part in parts:
        rows = part.features.rows
        throughput[rows], analytic[rows] = part.log_throughput, part.features.log_analytic
        low[rows], high[rows] = part.low, part.high
        for row, word, value in zip(
            rows.tolist(), part.basis, part.log_throughput.tolist(), strict=True
        ):
            basis[row] = word
            if value != value:
                reasons[row] = "too little is known of the model or device"
    return SetupPrediction(_unit(network), throughput, low, high, analytic, basis, reasons)


def _unit(network: Network | None) -> str:
    if network is None:
        return ""
    if network.model_class in LANGUAGE:
        return "tokens_per_s"
    return "images_per_s" if network.model_class in ("cnn", "vit", "detection") else "samples_per_s"


def _table(
    catalog: Catalog,
    template: Mapping[str, object],
    devices: Sequence[str],
    columns: Mapping[str, FloatArray],
    shape: ModelShape | None,
    cells: Mapping[str, Sequence[str]] | None,
) -> tuple[Table, Network | None]:
    """The set-ups as a table: the template read once a distinct device and text, then spread."""
    count = len(devices)
    for name, values in columns.items():
        if name not in COLUMNS or np.shape(values) != (count,):
            wrong = "is unknown" if name not in COLUMNS else f"has not the shape ({count},)"
            raise ValueError(f"set-up column {name!r} {wrong}")
    device_book, networks = _books(catalog)
    network = networks.find(template) if shape is None else networks.of_shape(shape, template)
    model = cell(template, "model") or ("" if shape is None else shape.name)
    models = [fold_model(model)] * count
    if network is None:
        reason = f"unknown model {model!r}: give params_b or fwd_gmacs"
        return Table({}, [reason] * count, [""] * count, ["other"] * count, models, models), None

    distinct, position = _distinct_devices(device_book, devices, columns, cells or {})
    numbers: list[Mapping[str, float]] = []
    reasons, learners, classes, names = [], [], [], []
    for name, device, cores, text in distinct:
        if device is None:
            numbers.append({})
            reasons.append(f"unknown accelerator {name!r}: it has no datasheet in the catalog")
            learners.append("")
            classes.append("other")
            names.append(name)
            continue
        row = {"metric": "", **template, **text, "model": model, "accelerator": name}
        found = row_numbers(row, device, network, cores)
        numbers.append(found)
        reasons.append("")
        learners.append(learner_of(found["training"] > 0, network))
        classes.append(class_of(found["training"] > 0, network, device))
        names.append(device_name(name, device))
    spread = {key: values[position] for key, values in stack(numbers).items()}
    if spread:
        for name, given in columns.items():
            if name not in _OF_DEVICE:
                spread[_RENAMED.get(name, name)] = np.asarray(given, dtype=np.float64)
        if "batch" in columns:
            spread["queue_full"] = np.zeros(count)
        spread |= derive(spread)
    places = position.tolist()
    spread_classes = [classes[place] for place in places]
    return Table(
        spread,
        [reasons[place] for place in places],
        [learners[place] for place in places],
        split_by_load(spread_classes, spread) if spread else spread_classes,
        models,
        [names[place] for place in places],
    ), network


@lru_cache(maxsize=2)
def _books(catalog: Catalog) -> tuple[DeviceBook, NetworkBook]:
    """What was looked up in a catalog before is known."""
    return DeviceBook(catalog), NetworkBook(catalog)


_Distinct = tuple[str, Device | None, float, Mapping[str, str]]


def _distinct_devices(
    book: DeviceBook,
    devices: Sequence[str],
    columns: Mapping[str, FloatArray],
    cells: Mapping[str, Sequence[str]],
) -> tuple[list[_Distinct], NDArray[np.intp]]:
    """Each distinct name, share, cores and text once, and which of them each set-up has."""
    unknown = np.full(len(devices), np.nan)
    shares = columns.get("share", unknown)
    cores = columns.get("cores", unknown)
    # NaN equals NaN as text
    figures = (map(str, values.tolist()) for values in (shares, cores))
    keys = zip(devices, *figures, *cells.values(), strict=True)
    places: dict[tuple[str, ...], int] = {}
    position = np.array([places.setdefault(key, len(places)) for key in keys], np.intp)
    found: list[_Distinct] = []
    for name, share, core, *texts in places:
        device = book.find(name)
        if device is not None and 0 < float(share) < 1:
            device = _part(device, float(share))
        found.append((name, device, float(core), dict(zip(cells, texts, strict=True))))
    return found, position


def _part(device: Device, share: float) -> Device:
    """A slice of a device: everything but its age, its links and its name shrinks."""
    return replace(
        device,
        peaks={precision: peak * share for precision, peak in device.peaks.items()},
        bandwidth=device.bandwidth * share,
        memory=device.memory * share,
        tdp=device.tdp * share,
        cores=device.cores * share,
    )
