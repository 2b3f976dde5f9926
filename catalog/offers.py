"""Offers: what can be bought or rented, where, in which way and for how much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass


class PurchaseKind(StrEnum):
    """Ways to pay for the same machine."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    RESERVATION = "reservation"
    SAVINGS_PLAN = "savings_plan"
    RESOURCE_COMMITMENT = "resource_commitment"
    CAPACITY_BLOCK = "capacity_block"
    FLEX_START = "flex_start"
    OWNED = "owned"


# Columns of the table below. Text is stored as codes into a vocabulary per column.
TEXT_COLUMNS = (
    "cloud",
    "region",
    "zone",
    "residency",
    "platform",
    "instance_type",
    "accelerator",
    "cpu",
    "hardware",
    "kind",
    "payment",
    "quota_class",
    "obtainability",
    "confidence",
    "price_source",
    "offer_source",
    "interruption_source",
)
NUMBER_COLUMNS = (
    "vcpus",
    "memory_gib",
    "accelerator_count",
    "hosts",
    "cpu_sockets",
    "network_gbps",
    "rdma_gbps",
    "term_months",
    "upfront_usd",
    "usd_per_hour",
    "billing_increment_s",
    "minimum_s",
    "interruption_per_month_low",
    "interruption_per_month_high",
)


@dataclass(frozen=True)
class OfferTable:
    """One row per way to buy one offer, as columns.

    ``codes[name]`` (int32, shape (rows,)) index ``vocabularies[name]``; ``numbers[name]``
    (float64, shape (rows,)) hold NaN where the fact is unknown. ``accelerator`` is empty for a
    CPU-only machine, whose ``cpu`` (socket type) and ``cpu_sockets`` (a fraction of sockets)
    are known only where its instance family is. ``platform`` is empty for a plain machine, else
    sagemaker, vertex-ai or azure-ml, with ``instance_type`` as that platform names it;
    ``residency`` is the region's jurisdiction, empty where unknown. Rows with the same
    ``hardware`` word are alike in every column that speed depends on.
    """

    codes: Mapping[str, NDArray[np.int32]]
    vocabularies: Mapping[str, Sequence[str]]
    numbers: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.numbers["usd_per_hour"])

    def text(self, column: str, row: int) -> str:
        return self.vocabularies[column][int(self.codes[column][row])]

    def texts(self, column: str) -> list[str]:
        words = self.vocabularies[column]
        return [words[code] for code in self.codes[column].tolist()]

    def number(self, column: str, row: int) -> float | None:
        value = float(self.numbers[column][row])
        return None if np.isnan(value) else value

    def is_in(self, column: str, wanted: Sequence[str]) -> NDArray[np.bool_]:
        """Mask of the rows whose text is one of ``wanted``."""
        vocabulary, codes = self.vocabularies[column], self.codes[column]
        if len(wanted) == 1:
            return np.asarray(codes == self.code(column, wanted[0]))
        chosen = set(wanted)
        return np.array([word in chosen for word in vocabulary], bool)[codes]

    def code(self, column: str, word: str) -> int:
        """Of a text in its vocabulary; -1 where no row can have it."""
        try:
            return self.vocabularies[column].index(word)
        except ValueError:
            return -1

    def with_rows(self, rows: Sequence[Mapping[str, object]]) -> OfferTable:
        """The table with more rows at its end; what a row leaves out is unknown."""
        if not rows:
            return self
        vocabularies: dict[str, Sequence[str]] = dict(self.vocabularies)
        codes = dict(self.codes)
        for name in TEXT_COLUMNS:
            words = list(vocabularies[name])
            index = {word: code for code, word in enumerate(words)}
            added = []
            for row in rows:
                word = str(row.get(name) or "")
                if word not in index:
                    index[word] = len(words)
                    words.append(word)
                added.append(index[word])
            vocabularies[name] = words
            codes[name] = np.concatenate([codes[name], np.array(added, np.int32)])
        numbers = {
            name: np.concatenate(
                [self.numbers[name], np.array([_number(row.get(name)) for row in rows])]
            )
            for name in NUMBER_COLUMNS
        }
        return OfferTable(codes, vocabularies, numbers)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> OfferTable:
        """The chosen rows, vocabularies shared."""
        return OfferTable(
            {name: column[rows] for name, column in self.codes.items()},
            self.vocabularies,
            {name: column[rows] for name, column in self.numbers.items()},
        )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
