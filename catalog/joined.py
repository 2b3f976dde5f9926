"""Offers joined with their purchase options, as the columns that readers load.

Every way to buy is one row: the plain machines first, in the order of ``purchase_options``, then
the managed platforms on top of them.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

import numpy as np

from catalog.applied import PLATFORM_OFFERS, PLATFORM_OPTIONS
from catalog.offers import NUMBER_COLUMNS, TEXT_COLUMNS
from catalog.platforms import ManagedPlatforms

Rows = list[dict[str, Any]]
OfferKey = tuple[str, str, str, str]


def offer_key(row: Mapping[str, Any]) -> OfferKey:
    return row["cloud"], row["region"], row["zone"], row["instance_type"]


def write_columns(connection: sqlite3.Connection, tables: Mapping[str, Rows]) -> int:
    """Store the joined rows column by column, ready for numpy; returns the platforms' number.

    Adds the sources that the platforms' prices are derived from to the table ``sources``.
    """
    offers = {offer_key(row): row for row in (*tables[PLATFORM_OFFERS], *tables["offers"])}
    platforms = ManagedPlatforms(tables["managed_platforms"], tables["sources"])
    managed = platforms.options(offers, tables["purchase_options"], tables[PLATFORM_OPTIONS])
    connection.executemany(
        "INSERT INTO sources VALUES (?, ?, ?, ?, ?)",
        [tuple(row.values()) for row in platforms.sources.values()],
    )
    joined = _join(offers, tables["purchase_options"], managed, tables)
    connection.execute("CREATE TABLE columns (name TEXT PRIMARY KEY, words TEXT, data BLOB)")
    for name in TEXT_COLUMNS:
        words: dict[str, int] = {}
        codes = [words.setdefault(row[name] or "", len(words)) for row in joined]
        data = np.asarray(codes, dtype=np.int32).tobytes()
        connection.execute(
            "INSERT INTO columns VALUES (?, ?, ?)", (name, json.dumps(list(words)), data)
        )
    for name in NUMBER_COLUMNS:
        values = np.array(
            [np.nan if row[name] is None else row[name] for row in joined], np.float64
        )
        connection.execute("INSERT INTO columns VALUES (?, NULL, ?)", (name, values.tobytes()))
    return len(managed)


def _join(
    offers: Mapping[OfferKey, dict[str, Any]],
    plain: Rows,
    managed: Rows,
    tables: Mapping[str, Rows],
) -> Rows:
    sockets = _cpu_of_offers(offers, tables)
    residency = {(r["cloud"], r["region"]): r["jurisdiction"] for r in tables["regions"]}
    joined: Rows = []
    for option in (*plain, *managed):
        key = offer_key(option)
        if "plain_type" in option:
            key = (*key[:3], option["plain_type"])
        offer = offers.get(key) or offers.get(offer_key(option))
        if offer is None:
            continue  # a price without a machine: `planner catalog check` reports it
        cpu, cpu_sockets = sockets.get(key, ("", None))
        joined.append(
            {
                "platform": "",
                **offer,
                **option,
                "residency": residency.get(key[:2], ""),
                "cpu": cpu,
                "cpu_sockets": cpu_sockets,
                "hardware": _hardware_word(offer, cpu),
                "price_source": option["source"],
                "offer_source": offer["source"],
            }
        )
    return joined


def _hardware_word(offer: Mapping[str, Any], cpu: str) -> str:
    """What speed depends on, as one word: equal words are equal machines."""
    names = ("accelerator_count", "vcpus", "memory_gib", "hosts", "network_gbps", "rdma_gbps")
    return "|".join([offer["accelerator"], cpu, *(str(offer[name]) for name in names)])


def _cpu_of_offers(
    offers: Mapping[OfferKey, Mapping[str, Any]], tables: Mapping[str, Rows]
) -> dict[OfferKey, tuple[str, float | None]]:
    """Socket type and share of sockets of each CPU-only offer whose instance family is known."""
    cores = {row["name"]: row["cores"] for row in tables["accelerators"] if row["cores"]}
    families = [(f["cloud"], re.compile(f["pattern"]), f) for f in tables["cpu_families"]]
    found: dict[OfferKey, tuple[str, float | None]] = {}
    by_type: dict[tuple[str, str], dict[str, Any] | None] = {}
    for key, offer in offers.items():
        if offer["accelerator"] or not offer["vcpus"]:
            continue
        name = (offer["cloud"], offer["instance_type"])
        if name not in by_type:
            matching = (f for cloud, rx, f in families if cloud == name[0] and rx.search(name[1]))
            by_type[name] = next(matching, None)
        family = by_type[name]
        if family and family["cpu"] in cores:
            physical = offer["vcpus"] / family["threads_per_core"]
            found[key] = family["cpu"], physical / cores[family["cpu"]]
    return found
