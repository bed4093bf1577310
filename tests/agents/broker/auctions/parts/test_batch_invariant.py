"""The logarithm of a number is the same bits wherever the number stands."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.parts.batch_invariant import batch_invariant


@pytest.mark.parametrize("function", [torch.log, torch.exp, torch.sigmoid, torch.nn.functional.silu])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_bits_alone_and_among_others(function, dtype):
    numbers = 0.01 + 5 * torch.rand(97, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)
    together = batch_invariant(function, numbers)
    torch.testing.assert_close(together, function(numbers))
    for count in (1, 2, 7, 31, 96):
        assert torch.equal(batch_invariant(function, numbers[-count:]), together[-count:])
        assert torch.equal(batch_invariant(function, numbers[:, 1][:count]), together[:, 1][:count])
