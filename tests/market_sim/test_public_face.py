"""The public face: every name is there, and asking for the package alone imports next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import market_sim


def test_every_public_name_is_there() -> None:
    for name in market_sim.__all__:
        assert getattr(market_sim, name) is not None
    assert set(market_sim.__all__) <= set(dir(market_sim))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'fl_market'"):
        _ = market_sim.fl_market


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import market_sim, sys; print('torch' in sys.modules, 'mesa' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "False"]
