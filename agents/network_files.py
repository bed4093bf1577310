"""Who knows whom, from a file or a graph of one's own: edge lists, and whatever else networkx reads.

Owners are numbered from 0, as in the column ``owner`` of the trades. Directions, weights and other attributes of an
edge are ignored: two owners know one another or they do not.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import networkx as nx

from agents.checks import MAX_RECORDS
from agents.text_files import LONGEST_CELL, lines_of, shown, text_of

READERS: dict[str, Callable[[list[str]], nx.Graph]] = {
    ".gml": nx.parse_gml,
    ".graphml": lambda lines: nx.parse_graphml("\n".join(lines)),
    ".gexf": lambda lines: nx.read_gexf(io.BytesIO("\n".join(lines).encode())),
    ".net": nx.parse_pajek,
    ".pajek": nx.parse_pajek,
}
"""Formats by the end of the file's name; every other file is an edge list."""

_DATA = re.compile(r"\s*\{.*\}\s*$")


def read_network(path: Path, owners: int) -> nx.Graph:
    """Read the graph over ``owners`` from a file; with ``.gz`` at the end of its name it is unpacked.

    An edge list has two owners a line, with blanks, tabs or a comma between; networkx's ``{...}`` or one number behind
    them (a weight) is ignored. ``#`` and ``%`` begin comments, and the first line may name the columns.

    Raises
    ------
    ValueError
        Naming the file, the line if it has lines, and the remedy.
    """
    kind = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    if kind not in READERS:
        return _over(str(path), _edges(path, owners), owners)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = READERS[kind](text_of(path).splitlines())
    except Exception as error:  # The readers raise whatever the damage leads to.
        raise ValueError(
            f"{path} cannot be read as {kind[1:].upper()} ({type(error).__name__}: {error}); "
            "write it again with networkx, or as an edge list: two owners a line"
        ) from None
    return graph_over(str(path), edges_of(str(path), graph), owners)


def edges_of(where: str, graph: nx.Graph | Sequence[Any]) -> tuple[tuple[int, int], ...]:
    """Return the edges of a graph, or of a sequence of pairs, as pairs of owners in ascending order.

    Nodes are numbers of owners, as int or as text.

    Raises
    ------
    TypeError, ValueError
        For what is no pair, and nodes that are no number.
    """
    pairs = graph.edges() if isinstance(graph, nx.Graph) else graph
    found = set()
    for pair in pairs:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise TypeError(f"{where}: {pair!r} is no edge; pass pairs of owners' numbers, e.g. (0, 1)")
        one, other = (_owner(where, node, MAX_RECORDS) for node in pair)
        found.add((min(one, other), max(one, other)))
    for node in graph if isinstance(graph, nx.Graph) else ():
        _owner(where, node, MAX_RECORDS)
    return tuple(sorted(found))


def graph_over(where: str, edges: Iterable[tuple[int, int]], owners: int) -> nx.Graph:
    """Return the graph over the owners 0 to N - 1 with these edges.

    Raises
    ------
    ValueError
        For numbers of no owner, owners linked to themselves, and no edge at all; ``where`` begins the message.
    """
    return _over(
        where, ((_owner(where, one, owners), _owner(where, other, owners), where) for one, other in edges), owners
    )


def _over(where: str, edges: Iterable[tuple[int, int, str]], owners: int) -> nx.Graph:
    graph = nx.empty_graph(owners)
    for one, other, place in edges:
        if one == other:
            raise ValueError(f"{place}: owner {one} is linked to herself; leave the link out")
        graph.add_edge(one, other)
    if not graph.number_of_edges():
        raise ValueError(f"{where} has no edges: name two owners who know one another, or take network 'none'")
    return graph


def _edges(path: Path, owners: int) -> Iterable[tuple[int, int, str]]:
    weighted, header = False, True
    for index, line in enumerate(lines_of(path), start=1):
        text = re.split("[#%]", line, maxsplit=1)[0]
        names = _DATA.sub("", text).replace(",", " ").split()
        if not names:
            continue
        where = f"{path}, line {index}"
        if header and len(names) >= 2 and not any(name[0].isdigit() or name[0] in "+-." for name in names):
            header = False
            continue
        header = False
        if len(names) == 3 and _is_number(names[2]):
            weighted = True
            names.pop()
        if len(names) != 2:
            raise ValueError(
                f"{where}: {shown(line.strip())} is no edge; write two owners, with a blank, a tab or a comma between"
            )
        yield _owner(where, names[0], owners), _owner(where, names[1], owners), where
    if weighted:
        warnings.warn(f"{path}: the weights in its third column are ignored", stacklevel=5)


def _owner(where: str, node: Any, owners: int) -> int:
    name = str(node).strip()
    if name.isascii() and name.isdigit() and len(name) < LONGEST_CELL and int(name) < owners:
        return int(name)
    numbers = f"0 to {owners - 1}" if owners < MAX_RECORDS else "from 0"
    remedy = (
        "" if name.lstrip("-").isdecimal() else "; write numbers for names (networkx.convert_node_labels_to_integers)"
    )
    raise ValueError(f"{where}: owner {shown(name)} is unknown; owners are numbered {numbers}{remedy}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
