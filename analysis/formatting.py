"""Numbers as text, the same in the terminal, the report and the app, and never a sign before a zero.

A number with an interval has as many digits as the interval leaves room for; others have four, accuracies two.
"""

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


def accuracy(share: float) -> str:
    """An accuracy with two decimals: the few hundred records of a test set tell no more."""
    return fixed(share, 2)


def with_interval(mean: float, low: float, high: float) -> str:
    """Words for a mean and its interval, ``1.0 [0.5, 2.0]``; the interval is left away where there is none."""
    middle, *ends = interval_texts(mean, low, high)
    return f"{middle} [{', '.join(ends)}]" if ends else middle


def interval_texts(mean: float, low: float, high: float) -> list[str]:
    """A mean and both ends of its interval as text; the mean alone, with three digits, where there is no interval.

    As many decimals as half the interval's width has to be written with: two of its digits if they are at most 35,
    else one (Particle Data Group, "Review of Particle Physics", introduction, section 5.3).
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return [rounded(mean, 3)]
    width = (high - low) / 2
    if not width > 0:
        return [rounded(each) for each in (mean, low, high)]
    exponent = math.floor(math.log10(width))
    places = max(0, (1 if width / 10.0**exponent < 3.55 else 0) - exponent)
    return [fixed(each, places) if each else "0" for each in (mean, low, high)]


def counted(count: int, one: str, many: str = "") -> str:
    """``1 round``, ``1,200 rounds``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
