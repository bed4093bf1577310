"""What no strategy may do, refused before money moves, with the name of the strategy, the owner and the round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

BALANCED_WITHIN = 1e-9
"""Side payments may miss a sum of 0 by this share of all that is paid, which is rounding."""


@contextmanager
def named(strategy: str, owners: Tensor, round: int) -> Iterator[None]:
    """Name strategy, owner and round in whatever is refused, and in a note to whatever else goes wrong.

    Parameters
    ----------
    strategy : str
    owners : int64[m]
        Of the group; a message about entry [0, j] speaks of the j-th.
    round : int
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"strategy {strategy!r}, {_named_in(str(error), owners)}, round {round}: {error}") from error
    except Exception as error:
        error.add_note(f"strategy {strategy!r}, {_named_in('', owners)}, round {round}")
        raise


def check_within_type(field: str, reported: Tensor, true: Tensor, remedy: str) -> None:
    """Refuse values ``[1, m]`` above the true ones."""
    excess = reported > true
    if bool(excess.any()):
        row, bidder = excess.nonzero()[0].tolist()
        raise ValueError(
            f"{field}[{row}, {bidder}] = {reported[row, bidder].item()!r} is above the true "
            f"{true[row, bidder].item()!r}: {remedy}"
        )


def check_upload_sent(field: str, loss: Tensor, sold: Tensor) -> None:
    """Refuse uploads ``[1, m]`` without any privacy loss where some was sold."""
    missing = (sold > 0) & (loss == 0)
    if bool(missing.any()):
        bidder = int(missing[0].nonzero()[0])
        raise ValueError(
            f"{field}[0, {bidder}] = 0.0 although {sold[0, bidder].item()!r} was sold: nobody may send nothing"
        )


def check_group_numbers(field: str, numbers: Any, bidders: int) -> Tensor:
    """Return numbers of groups ``int64[m]``, -1 for nobody's, or refuse what is none."""
    if not isinstance(numbers, Tensor) or numbers.dtype != torch.int64:
        raise TypeError(f"{field} returned a {type(numbers).__name__}; return int64 numbers, -1 for who acts alone")
    if tuple(numbers.shape) != (bidders,) or bool((numbers < -1).any()):
        raise ValueError(f"{field} has shape {list(numbers.shape)}: return one number of at least -1 for each bidder")
    return numbers


def check_balanced(field: str, paid: Tensor) -> None:
    """Refuse side payments ``[m]`` that do not sum to 0."""
    total = float(paid.sum())
    if abs(total) > BALANCED_WITHIN * float(paid.abs().sum()):
        raise ValueError(f"{field}: the side payments sum to {total!r}; what one receives another must pay")


def _named_in(message: str, owners: Tensor) -> str:
    """Return which owner a message about entry [0, j] of a group's bid speaks of, or all of them if about the whole."""
    found = re.search(r"\[0, (\d+)", message)
    if found and int(found[1]) < len(owners):
        return f"owner {int(owners[int(found[1])])}"
    names = ", ".join(str(owner) for owner in owners[:5].tolist())
    return f"owner{'s' if len(owners) > 1 else ''} {names}{', ...' if len(owners) > 5 else ''}"
