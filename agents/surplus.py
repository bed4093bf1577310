"""What a sale leaves its seller, payment less cost, to the last bit.

Rounding must not make a misreport profitable in an auction that claims that none is. Payment minus rounded cost
is not monotone in the records sold where price and cost almost meet. So the cost is computed without any rounding, as
a sum of two floats, and the difference is rounded once. Everybody who compares what sales are worth does it here:
choices from price lists, acceptance of offers, utilities and gains. ``pays`` says which gains are no rounding.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROUNDING = 1e-9
"""A gain of no more than this part of the money at stake is rounding: no lie paid."""
_SPLITTER = 2.0**27 + 1
_MAX_COST = 1e250


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
        Cost of a record, taken as 10^250 where it is more; infinite where it is not for sale. Nothing sold costs
        nothing.
    """
    # In numpy: in a market of ten the arrays are short, and its operations start faster than torch's.
    count, paid = records.double().numpy(), payment.numpy()
    worth = np.minimum(value.numpy(), _MAX_COST)
    # An infinite payment is nothing to be exact about: infinity less infinity is no number, and not used.
    with np.errstate(invalid="ignore", over="ignore"):
        product = count * worth
        count_high, worth_high = _upper_half(count), _upper_half(worth)
        count_low, worth_low = count - count_high, worth - worth_high
        missing = count_high * worth_high - product + count_high * worth_low + count_low * worth_high
        missing += count_low * worth_low
        difference = paid - product
        back = difference - paid
        # What the subtraction lost, less what the product lost, is added to the rounded difference.
        lost = (paid - (difference - back)) - (product + back)
        exact = np.where(np.isfinite(paid), difference + (lost - missing), paid)
    return torch.from_numpy(np.where((count > 0) & np.isposinf(value.numpy()), -np.inf, exact))


def pays(gain: Tensor, truthful_payment: Tensor, payment: Tensor, cost: Tensor) -> Tensor:
    """Whether a misreport paid: its gain is more than rounding can make.

    The bound is ``ROUNDING`` times the largest of the three amounts whose difference the gain is. Cost of everything
    an owner has would be no measure: for some owners it is infinite, for others 0.

    Parameters
    ----------
    gain : float64[...]
        Utility of the misreport less utility of the truth; NaN never pays.
    truthful_payment, payment : float64[...]
        What she is paid when she tells the truth, and when she lies.
    cost : float64[...]
        Her true cost of what she sold by lying (or the larger cost of both sales). Where it is not finite it does
        not count, nor does an infinite payment.

    Returns
    -------
    bool[...]
    """
    stakes = torch.zeros_like(gain)
    for money in (truthful_payment, payment, cost):
        stakes = torch.maximum(stakes, money.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs())
    return gain > ROUNDING * stakes


def _upper_half(number: NDArray[np.float64]) -> NDArray[np.float64]:
    """A float without the lower half of its digits."""
    shifted = number * _SPLITTER
    half: NDArray[np.float64] = shifted - (shifted - number)
    return half
