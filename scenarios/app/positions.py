"""Positions of owners in the picture: by their network, or, without one, evenly over a disc."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

import networkx as nx
import numpy as np
from numpy.typing import NDArray

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
MAX_SPRING_OWNERS = 400
"""Largest network laid out by springs between neighbours; larger ones take too long and are illegible."""
HUB_DEGREE_RATIO = 3.0
"""An owner with this many times the mean number of neighbours is a hub; a network with hubs has them in the middle."""

_POSITIONS: WeakKeyDictionary[Any, NDArray[np.float64]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def sunflower(owners: int) -> NDArray[np.float64]:
    """Positions ``[owners, 2]`` in the unit disc, evenly spread whatever their number (Vogel 1979)."""
    number = np.arange(owners)
    radius, angle = np.sqrt((number + 0.5) / owners), number * GOLDEN_ANGLE
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def owner_positions(graph: nx.Graph | None, owners: int) -> NDArray[np.float64]:
    """Positions ``[owners, 2]`` of owners 0, 1, ... whose network is ``graph``; computed once per network."""
    if graph is None:
        return sunflower(owners)
    with _LOCK:
        known = _POSITIONS.get(graph)
        if known is None:
            known = _POSITIONS[graph] = _layout(graph, owners)
    return known


def _layout(graph: nx.Graph, owners: int) -> NDArray[np.float64]:
    degree = np.array([graph.degree(owner) for owner in range(owners)])
    circle = np.linspace(0, 2 * np.pi, owners, endpoint=False)
    ring = np.stack([np.cos(circle), np.sin(circle)], axis=1)
    if degree.max(initial=0) > HUB_DEGREE_RATIO * max(1.0, degree.mean()):
        position = np.empty((owners, 2))
        position[np.argsort(-degree, kind="stable")] = sunflower(owners)
    else:
        position = ring
    if (degree == 2).all() or owners > MAX_SPRING_OWNERS:
        return position
    by_owner = nx.spring_layout(graph, pos=dict(enumerate(position)), seed=0, iterations=60, method="force")
    return np.array([by_owner[owner] for owner in range(owners)])
