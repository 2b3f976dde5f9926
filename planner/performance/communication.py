"""Communication: alpha-beta time of collectives over the slowest link they cross.

Ring algorithms (Thakur et al. 2005): an all-reduce of n devices moves 2(n-1)/n of the bytes
through each, an all-gather or reduce-scatter (n-1)/n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Share of the link's one-way rate that large collectives reach, and the start-up of one
# collective inside a node and between nodes. Assumptions until `collectives` are measured.
LINK_SHARE = 0.75
ALPHA_NODE_S = 15e-6
ALPHA_NETWORK_S = 40e-6


def bandwidth(
    group: Floats, stride: Floats, per_node: Floats, link: Floats, domain: Floats, network: Floats
) -> Floats:
    """One-way bytes/s each device of a group gets on the slowest link the group crosses.

    ``stride`` is the distance between neighbours: tensor groups have stride 1, data-parallel
    groups the tensor size. Links are quoted in both directions, so half flows one way; a node's
    network is shared by its devices.
    """
    reach = group * stride
    inside = reach <= per_node
    fast = np.where(reach <= np.maximum(domain, 1), link / 2, np.minimum(link / 2, 32e9))
    return LINK_SHARE * np.where(inside, fast, network / np.maximum(per_node / stride, 1.0))


def all_reduce_s(size: Floats, group: Floats, rate: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Seconds of one all-reduce of ``size`` bytes."""
    alpha = np.where(inside, ALPHA_NODE_S, ALPHA_NETWORK_S)
    return np.where(group > 1, 2 * (group - 1) / group * size / rate + alpha * (group - 1), 0.0)


def all_gather_s(size: Floats, group: Floats, rate: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Seconds of one all-gather or reduce-scatter whose result has ``size`` bytes."""
    alpha = np.where(inside, ALPHA_NODE_S, ALPHA_NETWORK_S)
    return np.where(group > 1, (group - 1) / group * size / rate + alpha * (group - 1), 0.0)
