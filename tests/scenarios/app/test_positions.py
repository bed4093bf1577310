"""Where owners stand."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from scenarios.app.positions import MAX_SPRING_OWNERS, owner_positions, sunflower


def test_without_a_network_they_stand_apart_in_a_disc():
    found = sunflower(300)
    assert np.hypot(*found.T).max() <= 1
    distance = np.hypot(*(found[:, None] - found[None]).transpose(2, 0, 1)) + 9 * np.eye(300)
    assert distance.min() > 0.05
    np.testing.assert_array_equal(owner_positions(None, 300), found)


def test_a_ring_is_a_circle_on_which_neighbours_stand_side_by_side():
    found = owner_positions(nx.cycle_graph(12), 12)
    np.testing.assert_allclose(np.hypot(*found.T), 1)
    gaps = np.hypot(*(found - np.roll(found, 1, axis=0)).T)
    np.testing.assert_allclose(gaps, gaps[0])


@pytest.mark.parametrize("owners", [50, MAX_SPRING_OWNERS + 1])
@pytest.mark.parametrize("make", [lambda n: nx.barabasi_albert_graph(n, 2, seed=0), nx.empty_graph])
def test_everybody_has_a_place_and_keeps_it(owners, make):
    graph = make(owners)
    found = owner_positions(graph, owners)
    assert found.shape == (owners, 2)
    assert np.isfinite(found).all()
    assert owner_positions(graph, owners) is found


def test_the_hub_of_a_large_network_is_in_the_middle():
    owners = MAX_SPRING_OWNERS + 1
    found = owner_positions(nx.star_graph(owners - 1), owners)
    assert np.hypot(*found.T).argmin() == 0
