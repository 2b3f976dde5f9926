"""Rows as columns of numbers, with what each row belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from catalog import Catalog
from catalog.records import dataclass
from planner.performance.learned.batches import derive
from planner.performance.learned.columns import Columns
from planner.performance.learned.devices import Device, DeviceBook
from planner.performance.learned.networks import LANGUAGE, Network, NetworkBook
from planner.performance.learned.numbers import row_numbers
from planner.performance.learned.text import cell

SERVE = "LLM serve GPU"


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` hold one number a row; ``reasons`` is empty where the row can be predicted."""

    columns: Columns
    reasons: list[str]
    learners: list[str]  # language_training, language_inference, training, inference
    classes: list[str]  # the yardstick's classes
    models: list[str]  # model names, folded: the unit of the model effect
    accelerators: list[str]

    def __len__(self) -> int:
        return len(self.reasons)


def read_rows(rows: Sequence[Mapping[str, object]], catalog: Catalog) -> Table:
    """Parse every row; a row that cannot be predicted keeps its place, with its reason."""
    devices, networks = DeviceBook(catalog), NetworkBook(catalog)
    parsed: list[dict[str, float]] = []
    reasons, learners, classes, models, names = [], [], [], [], []
    for row in rows:
        device = devices.find(cell(row, "accelerator"))
        network = networks.find(row)
        models.append(fold_model(cell(row, "model")))
        if device is None or network is None:
            missing = "accelerator" if device is None else "model"
            given = cell(row, missing) or "(empty)"
            remedy = (
                "it has no datasheet in the catalog"
                if device is None
                else "give params_b or fwd_gmacs, nothing known says how much work it is"
            )
            reasons.append(f"unknown {missing} {given!r}: {remedy}")
            parsed.append({})
            learners.append("")
            classes.append("other")
            names.append(cell(row, "accelerator"))
            continue
        values = row_numbers(row, device, network)
        reasons.append("")
        parsed.append(values)
        names.append(device_name(cell(row, "accelerator"), device))
        learners.append(learner_of(values["training"] > 0, network))
        classes.append(class_of(values["training"] > 0, network, device))
    columns = stack(parsed)
    if columns:
        columns |= derive(columns)
        classes = split_by_load(classes, columns)
    return Table(columns, reasons, learners, classes, models, names)


def stack(numbers: Sequence[Mapping[str, float]]) -> Columns:
    """Rows of numbers as columns; what a row lacks is NaN."""
    known = [tuple(values) for values in numbers if values]
    if known and len(known) == len(numbers) and len(set(known)) == 1:
        # All read alike, as ``row_numbers`` does: one array for all columns.
        matrix = np.array([list(values.values()) for values in numbers], np.float64)
        return dict(zip(known[0], np.ascontiguousarray(matrix.T), strict=True))
    keys = sorted({key for values in numbers for key in values})
    return {
        key: np.array([values.get(key, np.nan) for values in numbers], dtype=np.float64)
        for key in keys
    }


def device_name(stated: str, device: Device) -> str:
    """The catalog's name of an accelerator, the publisher's where it has no datasheet."""
    return device.name if device.known else stated


def fold_model(name: str) -> str:
    """A model's name without what varies between rows of one network: precision, resolution."""
    lowered = name.lower().split("/")[-1].replace("_", "-")
    lowered = re.sub(r"-precision-(float|uint8)|(?<=efficientnet)-(fp32|int8)", "", lowered)
    lowered = re.sub(r"^llama-3(\.\d)?-", "llama-3-", lowered)
    return re.sub(r"[^a-z0-9.]+", "-", lowered)


def learner_of(training: bool, network: Network) -> str:
    if network.model_class in LANGUAGE:
        if network.model_class == "seq2seq" and training:
            return "training"
        return "language_training" if training else "language_inference"
    return "training" if training else "inference"


def class_of(training: bool, network: Network, device: Device) -> str:
    """Class of the yardstick; LLM inference is split further by ``split_by_load``."""
    if network.model_class == "seq2seq":
        return "other"
    if network.model_class in LANGUAGE:
        if training:
            return f"LLM train {'TPU' if device.kind == 'TPU' else 'GPU'}"
        return "LLM decode CPU" if device.kind == "CPU" else SERVE
    if network.model_class == "bert":
        return f"BERT {'train' if training else 'infer'} GPU"
    if network.model_class == "diffusion":
        return "diffusion"
    if network.model_class in ("cnn", "vit", "detection"):
        if training:
            return "vision train GPU"
        where = "edge" if device.edge else "CPU" if device.kind == "CPU" else "GPU"
        return f"vision infer {where}"
    return "other"


def split_by_load(classes: Sequence[str], columns: Columns) -> list[str]:
    """One request in flight is decoding, more are serving."""
    alone = (columns["requests"] <= 1).tolist()
    return [
        "LLM decode GPU" if name == SERVE and one else name
        for name, one in zip(classes, alone, strict=True)
    ]
