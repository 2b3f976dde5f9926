"""Devices as the model sees them: one accelerator, a share of one, or the CPUs of a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.accelerators import Accelerator, AcceleratorKind
from catalog.records import dataclass
from planner.performance.alike import distinct, row_keys

Floats = NDArray[np.float64]

# Arithmetic that stands in for a mode of a wider one: TF32 is a faster FP32, so a device without
# it computes in FP32; a TPU or Gaudi multiplies FP32 in several bf16 passes. Nothing stands in for
# bf16, fp16 or fp8: a device without them is not given that work.
_STAND_INS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "tf32": (("tf32", 1.0), ("fp32", 1.0)),
    "fp32": (("fp32", 1.0), ("tf32", 1.0), ("bf16", 0.25)),
}
# What one server core can draw from memory by itself. Assumption (8-15 GB/s is common).
ONE_CORE_BYTES_PER_S = 10e9
BYTES = {"fp32": 4.0, "tf32": 4.0, "fp16": 2.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0}

# Fewest devices of a scale-up domain that joins several machines.
RACK_SCALE = 32
# What a link carries in both directions together; half of it flows one way.
_PCIE4_X16_GB_PER_S = 64.0


@dataclass(frozen=True, slots=True)
class Device:
    """One schedulable device. Peaks in FLOP/s, bandwidths in bytes/s, memory in bytes.

    ``link_domain`` counts the devices that share the fast link. ``memory_bandwidth`` and
    ``memory`` are None where the catalog does not know them.
    """

    name: str
    kind: AcceleratorKind
    share: float
    peaks: Mapping[str, float]
    memory: float | None
    memory_bandwidth: float | None
    link_bandwidth: float
    link_domain: int
    cores: float | None

    @property
    def is_cpu(self) -> bool:
        return self.kind is AcceleratorKind.CPU

    def peak(self, precision: str) -> float | None:
        """Dense peak for this arithmetic; None when the device has none or none is published."""
        for stand_in, factor in _STAND_INS.get(precision, ((precision, 1.0),)):
            if stand_in in self.peaks:
                return self.peaks[stand_in] * factor
        return None


def from_accelerator(
    accelerator: Accelerator, share: float = 1.0, host_memory_gib: float | None = None
) -> Device:
    """A device of the catalog. ``share`` scales it: part of a GPU, or several CPU sockets."""
    is_cpu = accelerator.kind is AcceleratorKind.CPU
    memory_gib = host_memory_gib if is_cpu else accelerator.memory_gib
    bandwidth = accelerator.memory_bandwidth_gb_per_s
    return Device(
        name=accelerator.name,
        kind=accelerator.kind,
        share=share,
        peaks={p: tera * 1e12 * share for p, tera in accelerator.peak_tera_ops.items()},
        memory=None if memory_gib is None else memory_gib * 2**30 * (1.0 if is_cpu else share),
        memory_bandwidth=_bandwidth(bandwidth, share, accelerator.cores if is_cpu else None),
        link_bandwidth=(accelerator.link_bandwidth_gb_per_s or _PCIE4_X16_GB_PER_S) * 1e9,
        link_domain=accelerator.link_domain_size,
        cores=None if accelerator.cores is None else accelerator.cores * share,
    )


def usual_network(device: Device, per_node: float) -> float:
    """Bytes/s one way out of a machine of ``per_node`` such devices, where nothing states it.

    Clusters of a device with a scale-up link give each a port that fits it: 200 Gbit/s beside
    NVLink3 (DGX A100), 400 Gbit/s since NVLink4 (DGX H100, B200). Others share 25 Gbit/s, a usual
    floor of cloud machines. Assumption.
    """
    if device.link_bandwidth >= 800e9:
        return 50e9 * per_node
    return 25e9 * per_node if device.link_bandwidth >= 240e9 else 25e9 / 8


def _bandwidth(socket_gb_per_s: float | None, share: float, cores: int | None) -> float | None:
    """Bytes/s of a share of a device. Few cores draw more than their share of a socket."""
    if socket_gb_per_s is None:
        return None
    fair = socket_gb_per_s * 1e9 * share
    if cores is None or share >= 1:
        return fair
    return max(fair, min(socket_gb_per_s * 1e9, cores * share * ONE_CORE_BYTES_PER_S))


@dataclass(frozen=True)
class Machines:
    """Hardware configurations as columns, shape (n,): ``nodes`` machines of ``per_node`` devices.

    Unknown figures are NaN. ``network`` is bytes/s of one machine's network, one way.
    """

    devices: tuple[Device, ...]
    per_node: Floats
    nodes: Floats
    network: Floats
    vcpus: Floats
    host_memory: Floats

    def __len__(self) -> int:
        return len(self.devices)

    @property
    def total(self) -> Floats:
        return self.per_node * self.nodes

    def take(self, rows: NDArray[np.intp]) -> Machines:
        """The chosen configurations."""
        return Machines(
            tuple(self.devices[i] for i in rows.tolist()),
            self.per_node[rows],
            self.nodes[rows],
            self.network[rows],
            self.vcpus[rows],
            self.host_memory[rows],
        )

    def distinct(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """First of each group that computes and communicates alike, and each one's group.

        vCPUs and host memory beside an accelerator do not count, nor does the network of one node.
        """
        kinds, place = self._kinds
        _, code = distinct([(device.name, device.share, device.memory) for device in kinds])
        network = np.where(self.nodes > 1, self.network, 0.0)
        return distinct(row_keys([code[place], self.per_node, self.nodes, network]))

    @cached_property
    def _kinds(self) -> tuple[list[Device], NDArray[np.intp]]:
        """Each device once, and which of them each configuration has."""
        ids = list(map(id, self.devices))
        once = dict(zip(reversed(ids), reversed(self.devices), strict=True))
        places = {each: place for place, each in enumerate(dict.fromkeys(ids))}
        return [once[each] for each in places], np.array([places[each] for each in ids], np.intp)

    def _of_devices(self, figure: Callable[[Device], float | None]) -> Floats:
        kinds, place = self._kinds
        return _column([figure(device) for device in kinds])[place]

    def peak(self, precision: str) -> Floats:
        return self._of_devices(lambda device: device.peak(precision))

    @property
    def memory(self) -> Floats:
        return self._of_devices(lambda device: device.memory)

    @property
    def memory_bandwidth(self) -> Floats:
        return self._of_devices(lambda device: device.memory_bandwidth)

    @property
    def link_bandwidth(self) -> Floats:
        return self._of_devices(lambda device: device.link_bandwidth)

    @property
    def link_domain(self) -> Floats:
        return self._of_devices(lambda device: float(device.link_domain))

    @property
    def fast_domain(self) -> Floats:
        """Devices that reach each other over the scale-up link, across machines where it does.

        A TPU slice is one machine of many chips, joined by ICI; its hosts do not show. A rack-scale
        GPU domain (NVL72) spans machines; smaller domains end with the machine, as does ICI.
        """
        rack = self.is_gpu & (self.link_domain >= RACK_SCALE)
        inside = np.minimum(self.link_domain, self.per_node)
        domain: Floats = np.where(rack, np.minimum(self.link_domain, self.total), inside)
        return domain

    @cached_property
    def is_cpu(self) -> NDArray[np.bool_]:
        return self._is_kind(AcceleratorKind.CPU)

    @cached_property
    def is_gpu(self) -> NDArray[np.bool_]:
        return self._is_kind(AcceleratorKind.GPU)

    def _is_kind(self, kind: AcceleratorKind) -> NDArray[np.bool_]:
        kinds, place = self._kinds
        return np.array([device.kind is kind for device in kinds], bool)[place]


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)
