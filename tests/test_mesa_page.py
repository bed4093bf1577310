"""What docs/mesa.md tells Mesa's users runs as it stands, block after block."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "mesa.md"


def test_the_blocks_run_one_after_the_other(capsys) -> None:
    names = {"__name__": "__main__"}
    for code in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.M | re.S):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            exec(compile(code, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "poor-ask-more" in said
    ratios = names["trades"].groupby("strategy")["report_ratio"].max()
    assert ratios["poor-ask-more"] == pytest.approx(1.5)
    assert ratios["truthful"] == 1
