"""Graphs over owners: what they look like, and edge lists with mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import torch

from agents.network import NETWORKS, OwnerNetwork, check_network, owner_network


def built(name: str | Path, owners: int = 40, seed: int = 0, **options: Any) -> OwnerNetwork:
    network = owner_network(name, owners, torch.Generator().manual_seed(seed), options)
    assert network is not None
    return network


@pytest.fixture
def edges(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "friends.csv"
        path.write_text(text)
        return path

    return write


def test_none_is_no_graph() -> None:
    assert owner_network("none", 5, torch.Generator()) is None


def test_in_a_ring_everybody_knows_the_next_ones() -> None:
    assert built("ring", 5).neighbours(torch.arange(5)).tolist() == [[1, 4], [0, 2], [1, 3], [2, 4], [0, 3]]
    assert built("ring", 8, neighbours=4).neighbours(torch.tensor([0])).tolist() == [[1, 2, 6, 7]]


def test_a_small_world_has_short_ways_and_keeps_its_edges() -> None:
    small, ring = built("small-world", 200), built("ring", 200, neighbours=4)
    assert small.graph.number_of_edges() == ring.graph.number_of_edges() == 400
    assert nx.average_shortest_path_length(small.graph) < nx.average_shortest_path_length(ring.graph) / 2
    assert nx.utils.graphs_equal(built("small-world", 200, rewiring=0.0).graph, ring.graph)


def test_a_scale_free_graph_has_hubs() -> None:
    degrees = [degree for _, degree in built("scale-free", 300).graph.degree]
    assert min(degrees) == 2
    assert max(degrees) > 20


@pytest.mark.parametrize("name", ["small-world", "scale-free"])
def test_a_graph_is_fixed_by_its_stream(name: str) -> None:
    assert nx.utils.graphs_equal(built(name, seed=1).graph, built(name, seed=1).graph)
    assert not nx.utils.graphs_equal(built(name, seed=1).graph, built(name, seed=2).graph)


@pytest.mark.parametrize("name", NETWORKS[1:])
@pytest.mark.parametrize("owners", [1, 2, 3, 5])
def test_few_owners_all_know_one_another_at_most(name: str, owners: int) -> None:
    network = built(name, owners)
    assert sorted(network.graph) == list(range(owners))
    assert network.neighbours(torch.arange(owners)).shape[1] <= owners - 1


def test_an_edge_list_is_read_with_blanks_commas_and_comments(edges: Callable[[str], Path]) -> None:
    network = built(edges("# friends\n0 1\n\n2,1  # late\n1, 0\n"), 4)
    assert network.neighbours(torch.tensor([1, 3, 0])).tolist() == [[0, 2], [-1, -1], [1, -1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1\n1 4\n", r"friends.csv, line 2: owner '4' is unknown; owners are numbered 0 to 3"),
        ("0 1\n\nann 1\n", "line 3: owner 'ann' is unknown"),
        ("0 -1\n", "line 1: owner '-1' is unknown"),
        ("0 1 2 3\n", "line 1: '0 1 2 3' is no edge; write two owners"),
        ("0 1\nsource target\n", "line 2: owner 'source' is unknown"),
        ("0 1\n0 " + "9" * 5000, r"line 2: owner '9{40}'... \(5000 characters\) is unknown"),
        ("", "friends.csv has no edges: name two owners"),
        ("# nobody\n\n", "friends.csv has no edges"),
        ("source,target\n", "friends.csv has no edges"),
        ("2\n", "line 1: '2' is no edge"),
        ("0 1\n3 3\n", "line 2: owner 3 is linked to herself"),
    ],
)
def test_a_mistake_in_an_edge_list_names_the_line(edges: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(edges(text), 4)


def test_who_knows_nobody_has_no_neighbours() -> None:
    network = built("ring", 1)
    assert network.neighbours(torch.arange(1)).shape == (1, 0)
    assert network.community.tolist() == [0]


@pytest.mark.parametrize(
    "text",
    ["source,target\n0,1\n1,2\n", "% sym unweighted\n0 1\n1 2\n", "0 1 {}\n1 2 {'weight': 2}\n", "0\t1\n1\t2\n"],
)
def test_edge_lists_are_read_as_other_tools_write_them(edges: Callable[[str], Path], text: str) -> None:
    assert sorted(built(edges(text), 4).graph.edges) == [(0, 1), (1, 2)]


def test_weights_are_ignored_with_a_word(edges: Callable[[str], Path]) -> None:
    with pytest.warns(UserWarning, match=r"friends.csv: the weights in its third column are ignored"):
        network = built(edges("0 1 0.5\n1 2 2\n"), 4)
    assert sorted(network.graph.edges) == [(0, 1), (1, 2)]


WRITERS = {
    "default.edgelist": nx.write_edgelist,
    "friends.gml": nx.write_gml,
    "friends.graphml": nx.write_graphml,
    "friends.gexf": nx.write_gexf,
    "friends.net": nx.write_pajek,
    "friends.gml.gz": nx.write_gml,
    "friends.txt.gz": nx.write_edgelist,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_graphs_are_read_in_the_formats_of_networkx(tmp_path: Path, name: str) -> None:
    WRITERS[name](nx.cycle_graph(5), tmp_path / name)
    assert sorted(built(tmp_path / name, 5).graph.edges) == sorted(nx.cycle_graph(5).edges)


@pytest.mark.parametrize("kind", ["gml", "graphml", "gexf", "net"])
def test_a_damaged_file_names_its_format(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"friends.{kind}"
    path.write_text("0 1\n<")
    with pytest.raises(ValueError, match=rf"friends\.{kind} (cannot be read as {kind.upper()}|has no edges)"):
        built(path, 5)


@pytest.mark.parametrize(
    "graph", [nx.path_graph(4), nx.DiGraph([(1, 0), (0, 1), (2, 1), (3, 2)]), [(1, 0), (2, 1), (3, 2)]]
)
def test_a_graph_of_ones_own_is_taken_as_it_is(graph: Any) -> None:
    assert nx.utils.graphs_equal(built(graph, 4).graph, nx.path_graph(4))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.path_graph(5), "network: owner '4' is unknown; owners are numbered 0 to 3"),
        (nx.empty_graph(4), "network has no edges"),
        ([(0, 1), (2, 2)], "network: owner 2 is linked to herself"),
        (nx.Graph([("ann", "bob")]), "network: owner '(ann|bob)' is unknown; owners are numbered from 0"),
        ([3], "network: 3 is no edge; pass pairs"),
    ],
)
def test_a_graph_of_other_people_is_refused(graph: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        built(graph, 4)


def test_communities_are_dense_inside(edges: Callable[[str], Path]) -> None:
    # Two circles of friends, of four each, with one link between them.
    circles = [(a, b) for base in (0, 4) for a in range(base, base + 4) for b in range(a + 1, base + 4)]
    network = built(edges("\n".join(f"{a} {b}" for a, b in [*circles, (3, 4)])), 8)
    assert network.community.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("rings", {}, ValueError, "network = 'rings' is not known; did you mean 'ring'"),
        ("friends.csv", {}, FileNotFoundError, "network = 'friends.csv' is no file"),
        (3, {}, TypeError, "network = 3: pass a name"),
        ("ring", 3, TypeError, "network_options = 3: pass a mapping"),
        ("ring", {"links": 2}, ValueError, "option of network 'ring' = 'links' is not known"),
        ("none", {"links": 2}, ValueError, "network 'none' takes no options"),
        ("ring", {"neighbours": 1}, ValueError, r"network_options\['neighbours'\] = 1"),
        ("small-world", {"neighbours": 5}, ValueError, r"network_options\['neighbours'\] = 5: pass an even number"),
        ("scale-free", {"links": 0}, ValueError, r"network_options\['links'\] = 0"),
        ("small-world", {"rewiring": 1.5}, ValueError, r"network_options\['rewiring'\] = 1.5"),
    ],
)
def test_what_makes_no_sense_is_refused(name: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_network(name, options)
