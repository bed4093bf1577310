"""Functions of a number or a row are the same bits wherever it stands, however many threads work."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.parts.batch_invariant import batch_invariant, row_by_row


@pytest.mark.parametrize("function", [torch.log, torch.exp, torch.sigmoid, torch.nn.functional.silu])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_bits_alone_and_among_others(function, dtype):
    numbers = 0.01 + 5 * torch.rand(97, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)
    together = batch_invariant(function, numbers)
    torch.testing.assert_close(together, function(numbers))
    for count in (1, 2, 7, 31, 96):
        assert torch.equal(batch_invariant(function, numbers[-count:]), together[-count:])
        assert torch.equal(batch_invariant(function, numbers[:, 1][:count]), together[:, 1][:count])


@pytest.mark.parametrize("function", [torch.log, torch.sigmoid, torch.nn.functional.silu, torch.nn.functional.softplus])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_bits_on_any_number_of_threads(function, dtype):
    numbers = 0.01 + 5 * torch.rand(70_001, generator=torch.Generator().manual_seed(0), dtype=dtype)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3, 7, 8):
            torch.set_num_threads(threads)
            found.append(batch_invariant(function, numbers))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("tile", [1, 16])
@pytest.mark.parametrize("width", [5, 8, 16, 96])
def test_a_row_goes_through_layers_as_it_would_alone(tile, width):
    generator = torch.Generator().manual_seed(width)
    layers = torch.nn.Sequential(torch.nn.Linear(7, width), torch.nn.SiLU(), torch.nn.Linear(width, 41))
    rows = torch.randn(257, 7, generator=generator)
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.uniform_(-1, 1, generator=generator)
        together = row_by_row(layers, rows, tile)
        torch.testing.assert_close(together, layers(rows))
        for count in (1, 2, 15, 16, 17, 100):
            assert torch.equal(row_by_row(layers, rows[-count:], tile), together[-count:])
