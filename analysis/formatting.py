"""Numbers as text, the same in the terminal, the report and the app: four digits, and never a sign before a zero."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def rounded(value: float, digits: int = 4) -> str:
    """``digits`` significant digits, whole numbers and what is over a thousand in full; a dash for what is unknown."""
    if not math.isfinite(value):
        return NOTHING if math.isnan(value) else f"{MINUS if value < 0 else ''}∞"
    if float(value).is_integer() and abs(value) < 1e12 and (isinstance(value, int) or value == 0):
        text = f"{int(value):,}"
    elif 1e3 <= abs(value) < 1e12:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", MINUS)


def fixed(value: float, places: int) -> str:
    """A number with ``places`` decimals: what rounds to zero has no sign."""
    if not math.isfinite(value):
        return rounded(value)
    return f"{round(value, places) + 0.0:,.{places}f}".replace("-", MINUS)


def percent(share: float) -> str:
    """A share in per cent, with two significant digits or all digits before the point: ``0.7`` is ``70 %``."""
    value = 100 * share
    return f"{fixed(value, 0) if abs(value) >= 10 else rounded(value, 2)} %"


def with_interval(mean: float, low: float, high: float) -> str:
    """Words for a mean and its interval, ``1 [0.5, 2]``; the interval is left away where there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return rounded(mean)
    return f"{rounded(mean)} [{rounded(low)}, {rounded(high)}]"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 round``, ``1,200 rounds``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
