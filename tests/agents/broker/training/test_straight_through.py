"""Choices written out by hand, and their gradients, are what automatic differentiation makes of the formulas."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.training.straight_through import NEVER, straight_through_choice

UNIT, TEMPERATURE = 7.0, 0.05


def as_formulas(price: Tensor, wanted: Tensor, size: Tensor, cost: Tensor, loss_squared: Tensor) -> list[Tensor]:
    most = torch.minimum(wanted[:, None], size[..., None])
    records = most + ((most * UNIT + 1e-5).floor() / UNIT - most).detach()
    sells = (cost < NEVER) & (records > 0)
    utility = torch.where(sells, records * (price[:, None] - cost), -torch.inf)
    utility = torch.nn.functional.pad(utility, (1, 0))
    soft = torch.softmax(utility / size[..., None] / TEMPERATURE, dim=-1)
    choice = torch.nn.functional.one_hot(utility.argmax(-1), utility.shape[-1]) + soft - soft.detach()
    choice = choice[..., 1:]
    return [(choice * what).sum(-1) for what in (loss_squared, records, records * price[:, None])]


def test_choices_and_gradients_are_those_of_the_formulas():
    generator = torch.Generator().manual_seed(0)
    batch, members, offers = 40, 3, 30
    price = 2 * torch.rand(batch, offers, generator=generator)
    wanted = 3 * torch.rand(batch, offers, generator=generator)
    wanted[:, ::5] = 0.01  # less than a record
    size = 0.05 + 2 * torch.rand(batch, members, generator=generator)
    cost = 2 * torch.rand(batch, members, offers, generator=generator)
    cost[cost > 1.6] = NEVER
    loss_squared = torch.rand(offers, generator=generator)
    weight = torch.randn(3, batch, members, generator=generator)
    inputs = [price.requires_grad_(), wanted.requires_grad_()]

    expected = as_formulas(price, wanted, size, cost, loss_squared)
    found = straight_through_choice(price, wanted, size, cost, loss_squared, UNIT, TEMPERATURE)

    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    assert 0 < float((found[1] > 0).double().mean()) < 1
    gradients = [torch.autograd.grad((weight * torch.stack([*sold])).sum(), inputs) for sold in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
