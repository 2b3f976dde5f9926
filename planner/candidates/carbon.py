"""What candidates emit while they run: energy of devices and facility, and the grid's carbon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.candidates.columns import Candidates

Floats = NDArray[np.float64]


def kg_co2e(candidates: Candidates, catalog: Catalog) -> Floats:
    """kg CO2e of each candidate, shape (n,); NaN where a figure is unknown.

    Thermal design power of its devices (CPU machines: of their sockets) x hours x PUE of the cloud
    x annual mean of the region's grid. Devices are taken to run at full power; hosts, network and
    manufacture are not counted. A service counts over its horizon.
    """
    machines, offers = candidates.machines, candidates.offers
    watts = np.array([_watts(catalog, device.name) * device.share for device in machines.devices])
    machine_kw = (watts * machines.per_node / 1e3)[candidates.config]
    kwh = machine_kw * candidates.nodes * candidates.hours
    places = list(zip(offers.texts("cloud"), offers.texts("region"), strict=True))
    per_kwh = {place: _kg_per_kwh(catalog, *place) for place in set(places)}
    return np.asarray(kwh * np.array([per_kwh[place] for place in places])[candidates.row])


def _watts(catalog: Catalog, accelerator: str) -> float:
    spec = catalog.accelerators.get(accelerator)
    return np.nan if spec is None or spec.tdp_w is None else spec.tdp_w


def _kg_per_kwh(catalog: Catalog, cloud: str, region: str) -> float:
    """kg CO2e per kWh that the devices take, the facility's losses included; NaN unknown."""
    pue, grid = catalog.facility.get(f"PUE {cloud}"), catalog.grid_carbon(cloud, region)
    if pue is None or grid is None or grid.gco2_per_kwh is None:
        return np.nan
    return pue.value * grid.gco2_per_kwh / 1e3
