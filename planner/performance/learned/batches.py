"""Batch, requests in flight and machine counts: what the stated figures imply, vectorised."""

from __future__ import annotations

import numpy as np

from planner.performance.learned.columns import Columns

NO_LIMIT = 1e9  # requests in flight where the queue is always full
_PER_NODE = 8.0  # devices of most publishers' machines, where a row does not say


def derive(columns: Columns) -> Columns:
    """Columns that follow from ``stated_*``, ``queue_full`` and ``concurrency``.

    ``batch`` is samples (sequences, requests) of the whole system, ``batch_device`` of one device,
    both NaN if unknown; ``requests`` is NO_LIMIT where nothing limits them.
    """
    c = columns
    devices = np.where(c["stated_devices"] >= 1, c["stated_devices"], 1.0)
    nodes = np.where(
        c["stated_nodes"] > 0, c["stated_nodes"], np.fmax(1.0, np.ceil(devices / _PER_NODE))
    )
    batch, per_device = c["stated_batch"], c["stated_per_device"]
    batch = np.where((per_device > 0) & ~(batch > 0), per_device * devices, batch)
    per_device = np.where((batch > 0) & ~(per_device > 0), batch / devices, per_device)
    stated = batch > 0
    requests = np.where(stated, batch, c["concurrency"])
    serves_language = (c["training"] <= 0) & (c["class_llm"] + c["class_llm-moe"] > 0)
    full = np.where(requests > 0, c["queue_full"], 1.0)
    return {
        "devices": devices,
        "nodes": nodes,
        "batch": batch,
        "batch_device": per_device,
        "batch_stated": stated.astype(np.float64),
        "saturated": np.where(serves_language, full, ~stated),
        "requests": np.where(requests > 0, requests, NO_LIMIT),
    }
