"""Random capacity specs, as a user would write them."""

from __future__ import annotations

from typing import Any

import numpy as np


def random_spec(
    seed: int,
    *,
    size: int = 48,
    offers: int = 4,
    workloads: int = 1,
    whole_use: bool = False,
    moving: bool = False,
) -> dict[str, Any]:
    """A spec with every feature that does not couple periods, each present by chance."""
    rng = np.random.default_rng(seed)
    names = [f"w{n}" for n in range(workloads)]
    levels = rng.uniform(20, 400, workloads)
    daily = 1 + 0.4 * np.sin(
        2 * np.pi * np.arange(size) / 24 + rng.uniform(0, 6, workloads)[:, None]
    )
    demand = np.round(levels[:, None] * daily * rng.lognormal(0, 0.15, (workloads, size)), 3)
    if rng.random() < 0.3:
        demand[:, rng.integers(0, size)] = 0.0

    def chance(share: float) -> bool:
        return bool(rng.random() < share)

    listed: list[dict[str, Any]] = []
    for number in range(offers):
        speed = float(np.round(rng.uniform(3, 60), 2))
        price = float(np.round(speed * rng.uniform(0.03, 0.09), 4))
        offer: dict[str, Any] = {"name": f"o{number}", "throughput": speed}
        if workloads > 1:
            offer["throughput"] = {
                name: float(np.round(speed * rng.uniform(0.4, 1.6), 2)) if chance(0.85) else 0.0
                for name in names
            }
        if chance(0.9) or number == 0:
            offer["on_demand_usd_per_hour"] = price
        if chance(0.6):
            offer["spot_usd_per_hour"] = round(price * float(rng.uniform(0.2, 0.7)), 4)
            if moving:
                walk = np.exp(np.cumsum(rng.normal(0, 0.05, size)))
                offer["spot_usd_per_hour"] = np.round(offer["spot_usd_per_hour"] * walk, 5).tolist()
            offer["spot_capacity_factor"] = float(np.round(rng.uniform(0.6, 1.0), 2))
        if chance(0.6):
            offer["reserved_1y"] = {
                "usd_per_hour": round(price * 0.4, 4),
                "upfront_usd": round(price * 0.2 * 8760, 2),
            }
        if chance(0.5):
            offer["reserved_3y"] = round(price * 0.45, 4)
        if number and chance(0.4):
            offer["max_count"] = int(rng.integers(0, 15))
        if number and chance(0.3):
            offer["max_on_demand"] = int(rng.integers(0, 8))
        if chance(0.3):
            offer["max_spot"] = int(rng.integers(0, 8))
        if chance(0.3):
            offer["held"] = [
                {"count": int(rng.integers(1, 4)), "remaining_hours": int(rng.integers(1, size))}
            ]
            if "max_count" in offer:
                offer["max_count"] += offer["held"][0]["count"]
        if chance(0.35):
            offer["owned_count"] = int(rng.integers(1, 5))
            offer["running_usd_per_hour"] = round(price * 0.1, 4)
        if chance(0.35):
            offer["purchase"] = {
                "capex_usd": round(price * 10_000, 2),
                "life_years": 4,
                "max_new": int(rng.integers(0, 6)),
                "cost_of_capital": 0.08 if chance(0.5) else 0,
                "residual_usd": round(price * 1000, 2),
            }
        listed.append(offer)
    spec: dict[str, Any] = {"offers": listed, "limits": {}}
    asked: list[dict[str, Any]] = []
    for name, row in zip(names, demand.tolist(), strict=True):
        asked.append({"name": name, "demand": row})
        if chance(0.3):
            asked[-1]["unmet_usd_per_unit_hour"] = round(float(rng.uniform(0.02, 0.3)), 4)
        if chance(0.3):
            asked[-1]["migration"] = {
                "home": "on-prem" if chance(0.5) else "cloud",
                "egress_gb_per_unit_hour": 0.1,
                "egress_usd_per_gb": 0.09,
            }
    if workloads == 1:
        spec |= {key: value for key, value in asked[0].items() if key != "name"}
    else:
        spec["workloads"] = asked
    if chance(0.5):
        spec["limits"]["max_spot_share"] = float(np.round(rng.uniform(0, 0.6), 2))
    if whole_use:
        spec["integer"] = "all"
    return spec


def with_plans(spec: dict[str, Any], seed: int) -> dict[str, Any]:
    """The spec with savings plans and commitments of resources, each present by chance."""
    rng = np.random.default_rng([seed, 7])
    offers = [dict(offer) for offer in spec["offers"]]
    sold = [offer for offer in offers if "on_demand_usd_per_hour" in offer]
    for offer in offers:
        offer["family"] = str(rng.choice(["f", "g"]))
    plans: list[dict[str, Any]] = []
    for term, least in (("1y", 0.1), ("3y", 0.3)):
        if rng.random() < 0.7 or not plans:
            plan: dict[str, Any] = {"name": f"plan {term}", "term": term}
            plan["discount"] = round(float(rng.uniform(least, 0.6)), 3)
            if rng.random() < 0.4:
                plan["families"] = ["f"] if any(o["family"] == "f" for o in offers) else ["g"]
            if rng.random() < 0.3:
                price = sold[0]["on_demand_usd_per_hour"]
                plan["usd_per_hour"] = {sold[0]["name"]: round(price * 0.5, 4)}
            if rng.random() < 0.3:
                plan["whole"] = True
            if rng.random() < 0.2:
                plan["max_usd_per_hour"] = round(float(rng.uniform(1, 10)), 2)
            if rng.random() < 0.2:
                plan["held_usd_per_hour"] = round(float(rng.uniform(0.1, 5)), 2)
            plans.append(plan)
    resources: list[dict[str, Any]] = []
    for name in ("vcpu", "gpu"):
        if rng.random() < 0.6:
            for offer in offers:
                if rng.random() < 0.7 or offer is sold[0]:
                    offer["resources"] = {
                        **offer.get("resources", {}), name: int(rng.integers(1, 9)),
                    }  # fmt: skip
            # a part of every price: the least share that any machine leaves for it
            has = [o for o in sold if name in o.get("resources", {})]
            unit = min(o["on_demand_usd_per_hour"] / o["resources"][name] for o in has) * 0.4
            for term, part in (("1y", 0.7), ("3y", 0.5)):
                if rng.random() < 0.6:
                    resources.append(
                        {
                            "name": f"{name} {term}",
                            "term": term,
                            "resource": name,
                            "usd_per_unit_hour": unit * part,
                            "on_demand_usd_per_unit_hour": unit,
                            "whole": bool(rng.random() < 0.6),
                        }
                    )
                    if rng.random() < 0.2:
                        resources[-1]["held_units"] = int(rng.integers(1, 20))
    return {**spec, "offers": offers, "savings_plans": plans, "resource_commitments": resources}
