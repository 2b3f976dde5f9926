"""Communication: alpha-beta time of collectives over the slowest link they cross.

Ring algorithms (Thakur et al. 2005): an all-reduce of n devices moves 2(n-1)/n of the bytes
through each, an all-gather or reduce-scatter (n-1)/n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]

# Share of a link's one-way rate that large collectives reach. Switched or meshed links
# (NVLink, ICI, Infinity Fabric) come close; over PCIe peers share root ports and host bridges;
# a network loses some to protocol (TCP loses more). Assumptions until `collectives` are measured.
LINK_SHARE = 0.75
PCIE_SHARE = 0.45
NETWORK_SHARE = 0.75
TCP_SHARE = 0.6
# What quotes both directions of PCIe 5.0 x16; a slower link is PCIe.
PCIE_MOST_BYTES_PER_S = 130e9
PCIE4_X16_ONE_WAY_BYTES_PER_S = 32e9
# Start-up of one collective, and each hop of its ring or tree. Assumptions of common order:
# NCCL small-message latencies of 10-20 us in a node, 5 us a hop over RDMA, 50 us over TCP.
ALPHA_NODE_S = 15e-6
ALPHA_NETWORK_S = 40e-6
HOP_NODE_S = 1e-6
HOP_RDMA_S = 5e-6
HOP_TCP_S = 50e-6


def link_rate(link: Floats) -> Floats:
    """One-way bytes/s of a scale-up link quoted in both directions, as collectives see it."""
    share = np.where(link > PCIE_MOST_BYTES_PER_S, LINK_SHARE, PCIE_SHARE)
    result: Floats = share * link / 2
    return result


@dataclass(frozen=True)
class Links:
    """Links of configurations: seconds a byte; all arrays have one shape, usually (pairs,).

    ``fast_s`` over the scale-up link of one device, ``node_s`` inside a node beyond it,
    ``network_s`` over the whole network of one node.
    """

    per_node: Floats
    domain: Floats
    fast_s: Floats
    node_s: Floats
    network_s: Floats
    hop_network_s: Floats

    @classmethod
    def of(
        cls,
        *,
        per_node: Floats,
        domain: Floats,
        link: Floats,
        network: Floats,
        is_cpu: NDArray[np.bool_],
    ) -> Links:
        """From both-way link and one-way network bytes/s of each configuration."""
        fast = link_rate(link)
        node = np.minimum(fast, PCIE_SHARE * PCIE4_X16_ONE_WAY_BYTES_PER_S)
        share = np.where(is_cpu, TCP_SHARE, NETWORK_SHARE)
        hop = np.where(is_cpu, HOP_TCP_S, HOP_RDMA_S)
        with np.errstate(divide="ignore"):
            return cls(per_node, domain, 1 / fast, 1 / node, 1 / (share * network), hop)

    def take(self, rows: NDArray[np.intp]) -> Links:
        return Links(
            self.per_node[rows],
            self.domain[rows],
            self.fast_s[rows],
            self.node_s[rows],
            self.network_s[rows],
            self.hop_network_s[rows],
        )

    def seconds_per_byte(self, reach: Floats, sharing: Floats) -> Floats:
        """Of each device of a group that spans ``reach`` neighbouring devices.

        ``sharing`` devices of a node send out over its network at once.
        """
        out = np.maximum(self.fast_s, np.minimum(sharing, self.per_node) * self.network_s)
        inside = np.where(reach <= self.per_node, self.node_s, out)
        result: Floats = np.where(reach <= self.domain, self.fast_s, inside)
        return result

    def all_to_all_s(self, size: Floats, group: Floats) -> Floats:
        """All-to-all of ``size`` bytes each of ``group`` neighbours holds.

        What stays in the domain takes the fast link; all devices of a node share its network.
        """
        inside = (group <= self.domain) | (self.domain >= self.per_node)
        kept = (group - 1) / np.maximum(group, 1.0)
        near = kept * np.where(inside, self.fast_s, self.node_s)
        leaving = np.maximum(group - np.maximum(self.domain, 1.0), 0.0) / np.maximum(group, 1.0)
        far = leaving * np.minimum(self.per_node, group) * self.network_s
        crosses = (group > self.per_node) & (group > self.domain)
        rate = np.where(crosses, np.maximum(near, far), near)
        return np.where(group > 1, size * rate + self.latency_s(group, group), 0.0)

    def latency_s(self, group: Floats, reach: Floats, *, tree: bool = False) -> Floats:
        """Start-up of one collective: a ring passes n - 1 hops, a tree log2 n."""
        inside = (reach <= self.per_node) | (reach <= self.domain)
        hops = np.log2(np.maximum(group, 1.0)) if tree else group - 1
        across = np.maximum(np.ceil(reach / np.maximum(self.per_node, 1.0)), 1.0)
        far = (np.log2(across) if tree else across - 1) * self.hop_network_s
        return np.where(
            group > 1,
            np.where(inside, ALPHA_NODE_S, ALPHA_NETWORK_S + far) + hops * HOP_NODE_S,
            0.0,
        )


def bandwidth(
    group: Floats,
    stride: Floats,
    per_node: Floats,
    link: Floats,
    domain: Floats,
    network: Floats,
    *,
    over_tcp: NDArray[np.bool_] | bool = False,
) -> Floats:
    """One-way bytes/s each device of a group gets on the slowest link the group crosses.

    ``stride`` is the distance between neighbours: tensor groups have stride 1, data-parallel
    groups the tensor size. Links are quoted in both directions, so half flows one way. A ring
    enters and leaves a node once, so a group has the node's network to itself unless ``stride``
    groups pass through the node side by side.
    """
    reach = group * stride
    fast = link_rate(link)
    node = np.minimum(fast, PCIE_SHARE * PCIE4_X16_ONE_WAY_BYTES_PER_S)
    share = np.where(over_tcp, TCP_SHARE, NETWORK_SHARE)
    out = np.minimum(fast, share * network / np.clip(stride, 1.0, per_node))
    inside = np.where(reach <= np.maximum(domain, 1), fast, node)
    return np.where(reach <= per_node, inside, out)


def all_reduce_s(
    size: Floats,
    group: Floats,
    rate: Floats,
    inside: NDArray[np.bool_],
    *,
    over_tcp: NDArray[np.bool_] | bool = False,
) -> Floats:
    """Seconds of one all-reduce of ``size`` bytes; large groups pass it along a tree."""
    hops = 2 * np.log2(np.maximum(group, 1.0))
    start = _start_s(inside, over_tcp, hops)
    return np.where(group > 1, 2 * (group - 1) / group * size / rate + start, 0.0)


def all_gather_s(
    size: Floats,
    group: Floats,
    rate: Floats,
    inside: NDArray[np.bool_],
    *,
    over_tcp: NDArray[np.bool_] | bool = False,
) -> Floats:
    """Seconds of one all-gather or reduce-scatter whose result has ``size`` bytes."""
    start = _start_s(inside, over_tcp, group - 1)
    return np.where(group > 1, (group - 1) / group * size / rate + start, 0.0)


def _start_s(inside: NDArray[np.bool_], over_tcp: NDArray[np.bool_] | bool, hops: Floats) -> Floats:
    far = np.where(over_tcp, HOP_TCP_S, HOP_RDMA_S)
    alpha = np.where(inside, ALPHA_NODE_S, ALPHA_NETWORK_S)
    result: Floats = alpha + np.where(inside, HOP_NODE_S, far) * hops
    return result
