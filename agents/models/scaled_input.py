"""Records as layers of torch expect them: where they are about 1 long, their numbers become about 1 each."""

from __future__ import annotations

import math

from torch import Tensor, nn


class ScaledInput(nn.Module):
    """Multiplies records by the square root of how many numbers they have, a public constant.

    Parameters
    ----------
    shape : tuple of int
        Of a record.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = math.sqrt(math.prod(shape))

    def forward(self, records: Tensor) -> Tensor:
        """Records ``[r, *shape]``."""
        return self.factor * records
