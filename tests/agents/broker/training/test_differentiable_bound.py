"""The bound of purchases: its value is OptAggr's, its slopes are right, and those who sold nothing have one too."""

from __future__ import annotations

import torch

from agents.broker.aggregation import optimal_error_bound
from agents.broker.training.differentiable_bound import bound_of_purchases


def market(generator, batch=40, owners=6):
    precision = torch.rand(batch, owners, generator=generator, dtype=torch.float64) * 0.5 + 0.01
    share = torch.rand(batch, owners, generator=generator, dtype=torch.float64)
    return precision, share / share.sum(-1, keepdim=True) * 0.7


def test_value_is_the_optimal_error_bound():
    precision, share = market(torch.Generator().manual_seed(0))
    precision[:, 0], share[:, 0] = 0.0, 0.0
    expected = optimal_error_bound(1 / precision, share)
    torch.testing.assert_close(bound_of_purchases(precision, share), expected, rtol=1e-12, atol=0)


def test_slopes_agree_with_finite_differences():
    precision, share = market(torch.Generator().manual_seed(1))
    precision.requires_grad_(), share.requires_grad_()
    bound_of_purchases(precision, share).sum().backward()
    step = 1e-6
    for argument, other, gradient in ((precision, 1, precision.grad), (share, 0, share.grad)):
        for owner in range(argument.shape[1]):
            moved = []
            for sign in (1, -1):
                value = argument.detach().clone()
                value[:, owner] += sign * step
                pair = (value, share.detach()) if other else (precision.detach(), value)
                moved.append(bound_of_purchases(*pair))
            slope = (moved[0] - moved[1]) / (2 * step)
            torch.testing.assert_close(gradient[:, owner], slope, rtol=1e-4, atol=1e-5)


def test_a_first_purchase_is_worth_what_its_slope_says():
    precision, share = market(torch.Generator().manual_seed(2))
    precision[:, 2], share[:, 2] = 0.0, 0.0
    precision.requires_grad_(), share.requires_grad_()
    before = bound_of_purchases(precision, share)
    before.sum().backward()
    # So few records that she is lifted: with more of them for her precision she would be kept, or cut.
    step, few = 1e-7, 1e-10
    with torch.no_grad():
        precision[:, 2], share[:, 2] = step, few
        after = bound_of_purchases(precision, share)
    expected = step * precision.grad[:, 2] + few * share.grad[:, 2]
    torch.testing.assert_close(after - before, expected, rtol=1e-3, atol=1e-13)
    assert bool((expected < 0).all())


def test_nobody_sells():
    nothing = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    bound = bound_of_purchases(nothing, nothing)
    assert bound.tolist() == [float("inf")] * 2
    bound.sum().backward()
    assert nothing.grad is not None
    assert not nothing.grad.any()
