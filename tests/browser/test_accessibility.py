"""axe-core finds nothing serious, in light and dark, and the keyboard alone is enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.app.layout import SECTIONS

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
"""Version 4 of axe-core by Deque, under the Mozilla Public License 2.0 (``axe-LICENSE.txt`` beside it)."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SERIOUS = ("serious", "critical")


def findings(tab) -> list[str]:
    """What axe-core holds to be serious."""
    # The browser's own tools run a script past the page's policy.
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_serious_is_found(visit, colours):
    visitor = visit("?network=small-world", color_scheme=colours)
    for name in SECTIONS:
        visitor.press(name)
        visitor.tab.locator(".tab[aria-pressed=true]", has_text=name).wait_for()
        visitor.tab.wait_for_timeout(1000)
        visitor.tab.evaluate("document.querySelectorAll('.side details').forEach(part => { part.open = true; })")
        assert findings(visitor.tab) == [], name


def test_the_keyboard_alone_is_enough(visit):
    visitor = visit()
    visitor.chart(".answer")
    reached = set()
    for _ in range(60):
        visitor.tab.keyboard.press("Tab")
        name, seen = visitor.tab.evaluate(
            """() => {
                const here = document.activeElement, style = getComputedStyle(here);
                const name = here.innerText || here.getAttribute('aria-label') || here.tagName;
                return [here === document.body ? "BODY" : name, style.outlineStyle];
            }"""
        )
        if name != "BODY":
            assert seen != "none", f"focus is not seen on {name[:80]}"
        reached.add(name.split("\n")[0])
    assert {"How does this work?", "Play", "Step", "Reset", "What is learned", "The learned menu"} <= reached
    step = visitor.tab.get_by_role("button", name="Step", exact=True)
    step.focus()
    step.press("Enter")
    visitor.at_round(61)
