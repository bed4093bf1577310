"""Tab: what can be completed is what there is, and the shell is answered at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agents.broker.auctions.registry import list_auctions
from agents.owner.strategies.registry import strategy_classes
from scenarios.commands.completion import names_of
from scenarios.commands.inventory import sections


def test_names_are_those_of_the_registries():
    assert names_of("auctions") == sorted(list_auctions())
    assert set(names_of("strategies")) == set(strategy_classes())
    assert set(names_of("kinds")) == {heading.split()[0].lower() for heading in sections()} | {"fields"}


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("market-sim run quick", "quickstart"),
        ("market-sim check leaky", "leaky-menu"),
        ("market-sim list guar", "guarantees"),
        ("market-sim ver", "verify"),
    ],
)
def test_the_shell_is_told_what_it_may_be(typed, completed):
    asked = {"_MARKET_SIM_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    code = "from scenarios.commands.cli import app; app(prog_name='market-sim')"
    answer = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert answer.stdout.split() == [completed], answer.stderr
