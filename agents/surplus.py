"""What a sale leaves its seller, payment less cost, to the last bit.

Whoever claims that no lie gains anything must not let rounding lend a lie the last digit. Payment minus rounded cost
is not monotone in the records sold where price and cost almost meet. So the cost is computed without any rounding, as
a sum of two floats, and the difference is rounded once. Everybody who compares what sales are worth does it here:
choices from price lists, acceptance of offers, utilities and gains.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SPLITTER = 2.0**27 + 1


def surplus(payment: Tensor, records: Tensor, value: Tensor) -> Tensor:
    """Payment less ``records * value``, the exact difference rounded to float64.

    Source: Dekker, "A floating-point technique for extending the available precision", 1971 (exact product); Knuth,
    TAOCP 2, section 4.2.2 (exact sum).

    Parameters
    ----------
    payment : float64[...]
    records : int64 or float64[...]
        Whole numbers, at most 10^12.
    value : float64[...]
        Cost of a record; infinite where it is not for sale. Nothing sold costs nothing.
    """
    count = records.double()
    product = count * value
    count_high, count_low = _halves(count)
    value_high, value_low = _halves(value)
    missing = count_high * value_high - product + count_high * value_low + count_low * value_high
    missing = missing + count_low * value_low
    difference = payment - product
    back = difference - payment
    lost = (payment - (difference - back)) - (product + back)
    exact = difference + (lost - missing)
    # Beyond float64's range nothing is left to be exact about.
    rough = torch.where(records > 0, difference, payment)
    return torch.where(exact.isfinite(), exact, rough)


def _halves(number: Tensor) -> tuple[Tensor, Tensor]:
    """A float as the sum of two of half its digits."""
    shifted = number * _SPLITTER
    high = shifted - (shifted - number)
    return high, number - high
