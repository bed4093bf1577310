"""Tables of owners and networks, as they come out of spreadsheets, editors and downloads."""

from __future__ import annotations

import gzip
from pathlib import Path

import networkx as nx
import pandas as pd
import torch

from agents.network import check_network, owner_network
from agents.owners_file import read_owners
from market_sim import MarketConfig
from tests.careless.cases import HEAD, Case, written

GOOD = "linear,1,1,30\n"


def owners(did: str, content: str | bytes) -> Case:
    return Case("owners", did, lambda folder: read_owners(written(folder, "owners.csv", content)))


def table(did: str, rows: object) -> Case:
    return Case("owners", did, lambda _: MarketConfig(population=rows, bidders=1))


def network(did: str, content: str | bytes, name: str = "edges.csv") -> Case:
    def make(folder: Path) -> object:
        return owner_network(written(folder, name, content), 4, torch.Generator())

    return Case("network", did, make)


ROW = {"family": "linear", "factor": 1.0, "privacy_budget": 1.0, "data_size": 30}

CASES = [
    owners("an empty file", ""),
    owners("only the names of the columns", HEAD),
    owners("no names of columns", GOOD * 2),
    owners("semicolons, as a spreadsheet writes them", HEAD.replace(",", ";") + GOOD.replace(",", ";")),
    owners("tabs", HEAD.replace(",", "\t") + GOOD.replace(",", "\t")),
    owners("pandas' index column", f",{HEAD}0,{GOOD}"),
    owners("decimal commas", f"{HEAD}linear,1,5,1,30\n"),
    owners("a byte-order mark", "\ufeff" + HEAD + GOOD),
    owners("UTF-16", (HEAD + GOOD).encode("utf-16")),
    owners("Windows' line ends", (HEAD + GOOD).replace("\n", "\r\n")),
    owners("`20.0` records", HEAD + "linear,1,1,20.0\n"),
    owners("`20.5` records", HEAD + "linear,1,1,20.5\n"),
    owners("`1e3` records", HEAD + "linear,1,1,1e3\n"),
    owners("`1,000` records in quotes", HEAD + 'linear,1,1,"1,000"\n'),
    owners("a negative factor", HEAD + "linear,-1,1,30\n"),
    owners("`n/a` for a factor", HEAD + "linear,n/a,1,30\n"),
    owners("a privacy budget of 0", HEAD + "linear,1,0,30\n"),
    owners("a family that there is not", HEAD + "cubic,1,1,30\n"),
    owners("a line that is too short", HEAD + "linear,1,1\n"),
    owners("a column that is misspelt", "family,factr,privacy_budget,data_size\n" + GOOD),
    owners("a column that is missing", "family,factor,data_size\nlinear,1,30\n"),
    owners("a column twice", "family,factor,factor,privacy_budget,data_size\nlinear,1,1,1,30\n"),
    owners("a falling cost curve", "cost@0.5,cost@1,privacy_budget,data_size\n3,2,1,30\n"),
    owners("a family and a curve", "family,factor,cost@1,privacy_budget,data_size\nlinear,1,3,1,30\n"),
    owners("owners numbered from 1", f"owner,{HEAD}1,{GOOD}"),
    owners("a form feed", HEAD + "linear,1\x0c,1,30\n"),
    owners("5,000 digits", HEAD + "linear,1,1," + "9" * 5000 + "\n"),
    Case("owners", "a file that is not there", lambda folder: read_owners(folder / "owner.csv")),
    Case("owners", "a directory", lambda folder: read_owners(folder)),
    table("`population=30`", 30),
    table("an empty table", pd.DataFrame()),
    table("a list of lists", [[1, 2], [3, 4]]),
    table("`pd.NA` for a record count", pd.DataFrame([{**ROW, "data_size": pd.NA}])),
    table("a column called strategy", pd.DataFrame([{**ROW, "strategy": "calm"}])),
    table("a list in a cell", pd.DataFrame([{**ROW, "tags": ["a", "b"]}])),
    Case("owners", "`owners=9` for a table of one", lambda _: MarketConfig(population=[ROW], owners=9, bidders=1)),
    Case("owners", '`sizes="zipf"` beside a table', lambda _: MarketConfig(population=[ROW], sizes="zipf", bidders=1)),
    Case(
        "owners",
        "`privacy_budget=(1, 2)` beside a table",
        lambda _: MarketConfig(population=[ROW], privacy_budget=(1, 2), bidders=1),
    ),
    Case("owners", "a table of one with 30 bidders", lambda _: MarketConfig(population=[ROW])),
    network("an empty file", ""),
    network("only comments", "# nothing\n% nothing\n"),
    network("owner 4 of four", "0 4\n"),
    network("names of people", "anna berta\ncarla dora\n"),
    network("a line of three owners", "0 1 2 3\n"),
    network("an owner linked to herself", "0 1\n2 2\n"),
    network("a negative number", "0 -1\n"),
    network("a weight in the third column", "0 1 0.5\n"),
    network("networkx' default `0 1 {}`", "0 1 {}\n"),
    network("a line of names above", "source,target\n0,1\n"),
    network("semicolons", "0;1\n"),
    network("a matrix of noughts and ones", "0,1,0,0\n1,0,0,0\n"),
    network("a `.gz` that is none", "0 1\n", "edges.csv.gz"),
    network("half a `.gz`", gzip.compress(b"0 1\n" * 50)[:20], "edges.csv.gz"),
    network("GraphML cut off", "<graphml><graph>", "graph.graphml"),
    network("a GML of named nodes", "\n".join(nx.generate_gml(nx.path_graph(["a", "b"]))), "graph.gml"),
    Case("network", '`network="smallworld"`', lambda _: check_network("smallworld", {})),
    Case("network", '`network="friends.csv"` that is not there', lambda _: check_network("friends.csv", {})),
    Case("network", "an option of another network", lambda _: check_network("ring", {"rewiring": 0.1})),
    Case("network", "options beside a graph of one's own", lambda _: check_network(nx.path_graph(4), {"links": 2})),
    Case("network", "three numbers for an edge", lambda _: check_network([(0, 1, 2)], {})),
    Case("network", "`network=5`", lambda _: check_network(5, {})),
]
