"""Where owners stand in the picture: on their network, or, without one, like the seeds of a sunflower."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

import networkx as nx
import numpy as np
from numpy.typing import NDArray

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
SPRUNG_UP_TO = 400
"""Owners up to which springs between neighbours find the places; more take too long and look like a ball of wool."""
HUB = 3.0
"""An owner with this many times the mean number of neighbours is a hub; a network with hubs has them in the middle."""

_PLACES: WeakKeyDictionary[Any, NDArray[np.float64]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def sunflower(owners: int) -> NDArray[np.float64]:
    """Places ``[owners, 2]`` in the unit disc, evenly spread whatever their number (Vogel 1979)."""
    number = np.arange(owners)
    radius, angle = np.sqrt((number + 0.5) / owners), number * GOLDEN_ANGLE
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def places(graph: nx.Graph | None, owners: int) -> NDArray[np.float64]:
    """Places ``[owners, 2]`` of owners 0, 1, ... whose network is ``graph``; found once per network."""
    if graph is None:
        return sunflower(owners)
    with _LOCK:
        known = _PLACES.get(graph)
        if known is None:
            known = _PLACES[graph] = _laid_out(graph, owners)
    return known


def _laid_out(graph: nx.Graph, owners: int) -> NDArray[np.float64]:
    degree = np.array([graph.degree(owner) for owner in range(owners)])
    circle = np.linspace(0, 2 * np.pi, owners, endpoint=False)
    around = np.stack([np.cos(circle), np.sin(circle)], axis=1)
    if degree.max(initial=0) > HUB * max(1.0, degree.mean()):
        found = np.empty((owners, 2))
        found[np.argsort(-degree, kind="stable")] = sunflower(owners)
    else:
        found = around
    if (degree == 2).all() or owners > SPRUNG_UP_TO:
        return found
    sprung = nx.spring_layout(graph, pos=dict(enumerate(found)), seed=0, iterations=60, method="force")
    return np.array([sprung[owner] for owner in range(owners)])
