"""Functions of numbers one by one, and of rows one by one, with bits that do not depend on how many there are.

A processor works numbers off several at a time, and those left over at the end by another routine whose last bit may
differ; several threads each have such an end. So here the end is made up, so that there are none left over, and
nothing is handed out that is long enough to be divided among threads. A matrix product over all rows may add up in an
order that depends on how many rows there are: here there are always as many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

_VECTOR = 64
"""A multiple of what any processor works off at a time."""
_UNDIVIDED = 1024
"""So many numbers torch never divides among threads; a multiple of ``_VECTOR``."""


def batch_invariant(function: Callable[[Tensor], Tensor], numbers: Tensor) -> Tensor:
    """Return ``function`` of every number, the same bits for the same number wherever it stands.

    Parameters
    ----------
    function : callable
        Of one number each, e.g. ``torch.log``.
    numbers : Tensor
    """
    count = numbers.numel()
    divided = count > _UNDIVIDED and torch.get_num_threads() > 1
    if not count % _VECTOR and not divided and numbers.is_contiguous():
        return function(numbers)
    flat = numbers.reshape(-1)
    if count % _VECTOR:
        flat = nn.functional.pad(flat, (0, -count % _VECTOR), value=1.0)
    out = torch.cat([function(part) for part in torch.split(flat, _UNDIVIDED)]) if divided else function(flat)
    return out[:count].reshape(numbers.shape)


def row_by_row(layers: Iterable[nn.Module], rows: Tensor, tile: int) -> Tensor:
    """Layers applied to every row, the same bits for the same row whatever the others are.

    Parameters
    ----------
    layers : iterable of nn.Module
        Linear ones, and functions of numbers one by one.
    rows : Tensor[R, F]
    tile : int
        Rows per matrix product, unless a layer is narrower; the last ones are made up.
    """
    layers = list(layers)
    if any(isinstance(layer, nn.Linear) and layer.out_features < tile for layer in layers):
        # Where a product is narrower than the tile, how it adds up depends on the place of a row in the tile.
        tile = 1
    missing = -len(rows) % tile
    padded = nn.functional.pad(rows, (0, 0, 0, missing)) if missing else rows
    out = padded.reshape(-1, tile, rows.shape[-1])  # [product, tile, F]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            out = torch.baddbmm(layer.bias, out, layer.weight.T.expand(len(out), -1, -1))
        else:
            out = batch_invariant(layer, out)
    return out.flatten(0, 1)[: len(rows)]
