"""Who knows whom: a graph over all owners, drawn at random, read from a file, or handed over."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import torch
from torch import Tensor

from agents.checks import generator_of, number, one_of, whole
from agents.network_files import edges_of, graph_over, read_network

NETWORKS: tuple[str, ...] = ("none", "ring", "small-world", "scale-free")
"""Graphs known by name; anything else is the path of a file."""

OPTIONS: dict[str, dict[str, float]] = {
    "none": {},
    "ring": {"neighbours": 2},
    "small-world": {"neighbours": 4, "rewiring": 0.1},
    "scale-free": {"links": 2},
}
"""What each graph lets one choose, with its defaults."""


@dataclass(frozen=True, eq=False)
class OwnerNetwork:
    """The graph of acquaintance, as arrays for the strategies.

    Parameters
    ----------
    graph : networkx.Graph
        Its nodes are the owners 0 to N - 1.
    seed : int
        Of the search for communities.
    """

    graph: nx.Graph
    seed: int = 0

    @functools.cached_property
    def _lists(self) -> tuple[Tensor, Tensor]:
        neighbours = [sorted(self.graph.adj[owner]) for owner in range(len(self.graph))]
        degree = torch.tensor([len(found) for found in neighbours])
        return degree, torch.tensor([owner for found in neighbours for owner in found], dtype=torch.int64)

    def neighbours(self, owners: Tensor) -> Tensor:
        """Whom each of ``owners[m]`` knows, ``int64[m, k]`` in ascending order, filled up with -1."""
        degree, everybody = self._lists
        own = degree[owners]
        place = torch.arange(int(own.max()) if len(own) else 0)
        start = (degree.cumsum(0) - degree)[owners]
        index = (start[:, None] + place).clamp(max=max(0, len(everybody) - 1))
        known = everybody[index] if len(everybody) else index
        return torch.where(place < own[:, None], known, -1)

    @functools.cached_property
    def community(self) -> Tensor:
        """Number of the community ``int64[N]`` of every owner.

        Source: Blondel, Guillaume, Lambiotte, Lefebvre, "Fast unfolding of communities in large networks", 2008.
        """
        result = torch.zeros(len(self.graph), dtype=torch.int64)
        found = nx.community.louvain_communities(self.graph, seed=self.seed)
        for index, members in enumerate(sorted(found, key=min)):
            result[torch.tensor(sorted(members))] = index
        return result


Edges = tuple[tuple[int, int], ...]
"""A graph of one's own, as pairs of owners."""


def check_network(name: Any, options: Any) -> tuple[str | Edges, dict[str, float]]:
    """Return a network's name (or path, or edges) and all its options, or say what is wrong with them.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the remedy.
    FileNotFoundError
        If it is neither a known name nor a file.
    """
    if isinstance(name, nx.Graph | Sequence) and not isinstance(name, str):
        if options:
            raise ValueError(f"network_options = {options!r}: a graph of your own takes no options; leave them out")
        return edges_of("network", name), {}
    if not isinstance(name, str | Path) or not str(name).strip():
        raise TypeError(
            f"network = {name!r}: pass a name out of {', '.join(NETWORKS)}, the path of a file, or a networkx graph"
        )
    if not isinstance(options, Mapping):
        raise TypeError(f"network_options = {options!r}: pass a mapping of names to numbers, e.g. {{}}")
    if str(name) not in NETWORKS and not Path(name).is_file():
        if Path(name).suffix or Path(name).parent != Path():
            raise FileNotFoundError(f"network = {str(name)!r} is no file; pass the path of a file of edges")
        one_of("network", str(name), NETWORKS)
    known = OPTIONS.get(str(name), {})
    for option in options:
        if not known:
            raise ValueError(f"network_options[{option!r}]: network {str(name)!r} takes no options; leave them out")
        one_of(f"option of network {str(name)!r}", option, known)
    chosen = {**known, **options}
    for option, value in chosen.items():
        if option == "rewiring":
            chosen[option] = number("network_options['rewiring']", value, maximum=1.0)
        else:
            chosen[option] = whole(f"network_options[{option!r}]", value, minimum=2 if option == "neighbours" else 1)
            if option == "neighbours" and value % 2:
                raise ValueError(f"network_options['neighbours'] = {value!r}: pass an even number, half on each side")
    return str(name), chosen


def owner_network(
    name: str | Path | nx.Graph | Edges,
    owners: int,
    generator: torch.Generator,
    options: Mapping[str, float] | None = None,
) -> OwnerNetwork | None:
    """Build the graph over ``owners``, or None for ``none``.

    ring
        Everybody knows the nearest ``neighbours`` (half on each side).
    small-world
        Such a ring with each edge rewired with probability ``rewiring``: Watts and Strogatz, "Collective dynamics of
        small-world networks", 1998.
    scale-free
        Newcomers link to ``links`` owners in proportion to their degree: Barabasi and Albert, "Emergence of scaling
        in random networks", 1999.
    a path, a graph
        Edges over the owners' numbers (``agents.network_files``).

    Among too few owners for that many neighbours everybody knows everybody.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        For unknown names and options, and for files that are damaged or have no edge, naming the line.
    """
    kind, chosen = check_network(name, options or {})
    whole("owners", owners, minimum=1)
    seed = int(torch.randint(2**31, (), generator=generator_of("generator", generator)))
    if isinstance(kind, tuple):
        return OwnerNetwork(graph_over("network", kind, owners), seed)
    if kind == "none":
        return None
    if kind not in NETWORKS:
        return OwnerNetwork(read_network(Path(kind), owners), seed)
    maximum = chosen["links"] if kind == "scale-free" else chosen["neighbours"]
    if owners <= maximum + 1:
        graph = nx.complete_graph(owners)
    elif kind == "scale-free":
        graph = nx.barabasi_albert_graph(owners, int(maximum), seed=seed)
    else:
        graph = nx.watts_strogatz_graph(owners, int(maximum), chosen.get("rewiring", 0.0), seed=seed)
    return OwnerNetwork(graph, seed)
