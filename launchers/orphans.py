"""What may still cost money: the ledger's account against what SkyPilot says exists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from launchers.ledger import RunRecord
from launchers.sky_client import OWN_PREFIX, Cluster, is_ours


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something nobody looks after. ``exists`` is None where SkyPilot was not asked;
    ``usd_so_far`` is rate times age, None where either is unknown; ``command`` ends it."""

    cluster: str
    run_id: str
    where: str
    state: str
    since: datetime | None
    usd_so_far: float | None
    exists: bool | None
    reason: str
    command: str


def find_orphans(records: Iterable[RunRecord], clusters: list[Cluster] | None) -> list[Orphan]:
    """Those of the ledger first, oldest first. ``clusters`` is None when SkyPilot was not asked.

    A run whose planner lives, or that was asked to stay up, is none; one on another host, of which
    nothing is known, is.
    """
    existing = {cluster.name: cluster for cluster in clusters or ()}
    by_name = {record.resource: record for record in records if record.resource}
    found = []
    for name, record in by_name.items():
        cluster = existing.get(name)
        if record.may_cost_money:
            if record.planner_is_alive or record.is_kept:
                continue
            found.append(_of_ledger(record, cluster, asked=clusters is not None))
        elif cluster is not None:
            ended = "the ledger says that it ended, yet it exists"
            found.append(_of_cluster(cluster, record.run_id, ended))
    for name, cluster in existing.items():
        if is_ours(cluster) and name not in by_name:
            run_id = cluster.run_label or name.removeprefix(OWN_PREFIX)
            unknown = "named as ours, but not in this ledger: perhaps of another user or folder"
            found.append(_of_cluster(cluster, run_id, unknown))
    return found


def _of_ledger(record: RunRecord, cluster: Cluster | None, *, asked: bool) -> Orphan:
    exists = (cluster is not None) if asked else None
    if exists is False:
        reason = "its planner is gone; SkyPilot does not know the cluster (any more)"
    elif record.planner_is_alive is None:
        reason = f"its planner ran on {record.planner_host}, which cannot be asked from here"
    else:
        reason = record.problem or "its planner is gone"
    rate = record.terms.usd_per_hour
    other_host = record.planner_is_alive is None
    return Orphan(
        cluster=record.resource,
        run_id=record.run_id,
        where=cluster.where if cluster else record.target,
        state=cluster.state if cluster else record.state.value,
        since=record.launched_at,
        usd_so_far=None if rate is None or exists is False else rate * record.held_s / 3600,
        exists=exists,
        reason=reason,
        command=f"planner calibrate resume {record.run_id}"
        + (" --take-over" if other_host else "")
        + f"  (or: planner calibrate stop {record.run_id})",
    )


def _of_cluster(cluster: Cluster, run_id: str, reason: str) -> Orphan:
    launched = cluster.launched_at_s
    return Orphan(
        cluster=cluster.name,
        run_id=run_id,
        where=cluster.where,
        state=cluster.state,
        since=None if launched is None else datetime.fromtimestamp(launched, UTC),
        usd_so_far=None,
        exists=True,
        reason=reason,
        command=f"sky down {cluster.name}",
    )
