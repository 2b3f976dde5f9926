"""Collectives take what the slowest link they cross allows."""

from __future__ import annotations

import numpy as np
import pytest

from planner.performance.communication import (
    NETWORK_SHARE,
    TCP_SHARE,
    Links,
    all_gather_s,
    all_reduce_s,
    bandwidth,
)


def links(
    domain: float = 8, *, link: float = 900e9, network: float = 400e9, cpu: bool = False
) -> Links:
    return Links.of(
        per_node=np.array([8.0]),
        domain=np.array([domain]),
        link=np.array([link]),
        network=np.array([network]),
        is_cpu=np.array([cpu]),
    )


def array(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(values, np.float64)


def test_large_all_reduces_move_twice_the_bytes() -> None:
    """2 (n - 1) / n of the bytes through each device (Thakur et al. 2005)."""
    for devices in (2, 8, 64):
        seconds = all_reduce_s(array(1e12), array(devices), array(1e11), np.array([True]))
        assert seconds[0] == pytest.approx(2 * (devices - 1) / devices * 10, rel=1e-3)
        half = all_gather_s(array(1e12), array(devices), array(1e11), np.array([True]))
        assert half[0] == pytest.approx(seconds[0] / 2, rel=1e-3)
    assert all_reduce_s(array(1e12), array(1), array(1e11), np.array([True]))[0] == 0


def test_small_messages_cost_their_start_up() -> None:
    near = all_reduce_s(array(8), array(8), array(1e11), np.array([True]))[0]
    far = all_reduce_s(array(8), array(64), array(1e11), np.array([False]))[0]
    tcp = all_reduce_s(array(8), array(64), array(1e11), np.array([False]), over_tcp=True)[0]
    assert 5e-6 < near < 100e-6
    assert near < far < tcp


def test_groups_side_by_side_share_a_nodes_network() -> None:
    """Gradients of one model cost the same however tensor parallelism cuts them: eight groups
    with an eighth of the bytes each, or one group with all of them.
    """
    x = links()
    whole = x.seconds_per_byte(array(64), array(1))[0] * 8.0
    eighth = x.seconds_per_byte(array(64), array(8))[0]
    assert eighth == pytest.approx(whole, rel=1e-9)
    assert eighth == pytest.approx(8 / (NETWORK_SHARE * 400e9))
    rate = bandwidth(array(8, 8), array(1, 8), array(8, 8), array(900e9), array(8), array(400e9))
    assert rate[0] == pytest.approx(NETWORK_SHARE * 900e9 / 2)  # one node
    assert rate[1] == pytest.approx(NETWORK_SHARE * 400e9 / 8)  # eight nodes, eight groups


def test_the_slowest_link_crossed_decides() -> None:
    """Scale-up link, then PCIe between bridged pairs, then the network."""
    pairs = links(2)
    inside, node, out = pairs.seconds_per_byte(array(2, 8, 64), array(1, 1, 1))
    assert inside < node
    slow = links(2, network=1e9).seconds_per_byte(array(64), array(1))[0]
    assert slow > out
    assert links(8, network=1e15).seconds_per_byte(array(64), array(1))[0] == pytest.approx(
        float(links(8).fast_s[0])
    ), "a device cannot send faster than its own link"
    tcp = links(1, cpu=True).network_s[0] / links(1).network_s[0]
    assert tcp == pytest.approx(NETWORK_SHARE / TCP_SHARE)


def test_all_to_all_pays_for_what_leaves_the_node() -> None:
    """Of 16 ranks on two nodes half of the tokens leave, eight devices at a time."""
    x = links()
    inside = x.all_to_all_s(array(1e9), array(8))[0]
    across = x.all_to_all_s(array(1e9), array(16))[0]
    assert inside == pytest.approx(1e9 * 7 / 8 / (0.75 * 450e9), rel=0.05)
    assert across == pytest.approx(1e9 * 8 / 16 * 8 / (NETWORK_SHARE * 400e9), rel=0.05)
    assert x.all_to_all_s(array(1e9), array(1))[0] == 0
