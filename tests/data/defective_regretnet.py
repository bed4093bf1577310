"""A DM-RegretNet with the defects of the published implementation re-created: something an audit has to find.

Three of them are here. It is trained with a softmax at the privacy losses cap / (M - k), and sells the argmax at
k cap / M. The outcome "nothing" is cut off before that argmax, so that everybody is forced to sell something. And
payments, a softmax share of the budget, do not look at the allocation, so that individual rationality is a penalty
and no more. At the end of its training, gradient ascent through the softmax reports a regret of 0.06 of the cost, as
the paper does for its own.

The checkpoint beside this file is made by (ten seconds on one core)

    python tests/data/defective_regretnet.py tests/data/defective_regretnet.safetensors
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from agents.broker.auctions.base import Auction, Guarantees, spendable
from agents.broker.auctions.parts.softened import Softened
from agents.broker.training.differentiable_bound import bound_of_purchases
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import ParametricValuation

OWNERS, LEVELS, WIDTH = 10, 8, 40
TEMPERATURE = 0.125
CHECKPOINT = Path(__file__).with_suffix(".safetensors")
DEPLOYED = torch.arange(1, LEVELS + 1, dtype=torch.float64) / LEVELS
TRAINED = 1 / (LEVELS - torch.arange(LEVELS, dtype=torch.float64))
"""Privacy losses, in parts of the privacy budget: what is sold, and what it was trained to sell."""


class Networks(nn.Module):
    """Scores of the M + 1 outcomes per owner, and of the n + 1 shares of the budget."""

    def __init__(self) -> None:
        super().__init__()
        inputs = OWNERS * (LEVELS + 2) + 1
        self.allocation = _tanh(inputs, OWNERS * (LEVELS + 1))
        self.payment = _tanh(inputs, OWNERS + 1)

    def forward(self, value: Tensor, cap: Tensor, size: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[B, n, M + 1]``, the last of them of nothing, and shares ``[B, n]``; all inputs in public units."""
        facts = torch.cat([value, cap[..., None], size[..., None]], dim=-1).clamp(1e-3, 1e3).log()
        inputs = torch.cat([facts.flatten(1), rate.clamp(1e-3, 1e3).log()[:, None]], dim=-1)
        scores = self.allocation(inputs).view(-1, OWNERS, LEVELS + 1)
        return scores, torch.softmax(self.payment(inputs), dim=-1)[:, :-1]


class DefectiveRegretNet(Auction):
    """The deployed rule: everybody sells her highest-scored loss k cap / M, for a share of the budget."""

    name = "defective-regretnet"
    guarantees = Guarantees(individually_rational=False)

    def __init__(self, networks: Networks | None = None) -> None:
        super().__init__(OwnerPrior().units)
        if networks is None:
            networks = Networks().double()
            networks.load_state_dict(load_file(CHECKPOINT))
        self.networks = networks.double().eval().requires_grad_(False)

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Sell the argmax; only a payment is rounded down."""
        loss = bids.privacy_budget[..., None] * DEPLOYED
        if bids.shape[1] != OWNERS:
            raise ValueError(f"{bids.shape[1]} owners: this network was trained for {OWNERS}")
        value, size = bids.valuation.at(loss), bids.data_size.double()
        scores, share = _outputs(self.networks, value, bids.privacy_budget, size, budget, OwnerPrior().units)
        level = scores[..., :-1].argmax(-1, keepdim=True)
        money, quantum = spendable(budget)
        paid = ((money / quantum)[:, None] * share * (1 - 2.0**-40)).floor() * quantum[:, None]
        there = bids.present & (bids.privacy_budget > 0)
        return Outcome(
            privacy_loss=torch.where(there, loss.gather(-1, level)[..., 0], 0.0),
            payment=torch.where(there, paid, 0.0),
            data_size=torch.where(there, bids.data_size, 0),
        )

    def softened(
        self,
        value_at: Callable[[Tensor], Tensor],
        privacy_budget: Tensor,
        data_size: Tensor,
        budget: Tensor,
        *,
        hard: bool,
    ) -> Softened:
        """The softmax over levels, with the outcome of the argmax if ``hard``."""
        loss, units = privacy_budget[..., None] * DEPLOYED, OwnerPrior().units
        scores, share = _outputs(self.networks, value_at(loss), privacy_budget, data_size, budget, units)
        soft = torch.softmax(scores[..., :-1] / TEMPERATURE, dim=-1)
        chosen = nn.functional.one_hot(soft.argmax(-1), LEVELS).to(soft)
        return Softened(loss, chosen + soft - soft.detach() if hard else soft, budget[:, None] * share)


def train(steps: int = 300, batch: int = 128, seed: int = 0) -> Networks:
    """Minimise n ERR under penalties on regret and on losses, both over cost; one deviator per profile."""
    prior, generator = OwnerPrior(), torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks = Networks().double()
    optimiser = torch.optim.Adam(networks.parameters(), lr=2e-3)
    price = {"regret": 1.0, "loss": 1.0}
    for step in range(steps):
        types, budget = prior.sample(batch, OWNERS, generator)
        who = torch.arange(OWNERS) == torch.randint(OWNERS, (batch, 1), generator=generator)
        sold = partial(_sold, networks, types, budget, prior.units, who)
        truth = (torch.zeros(batch, OWNERS, LEVELS).double(), torch.ones(batch, OWNERS).double())
        bend, part = (one.clone().requires_grad_() for one in truth)
        whole = types.cost_at_own_budget()
        for _ in range(5):
            _, paid, cost = sold(bend, part)
            slopes = torch.autograd.grad((((paid - cost) / whole) * who).sum(), (bend, part))
            with torch.no_grad():
                bend += 0.1 * slopes[0].sign()
                part.add_(0.05 * slopes[1].sign()).clamp_(0.1, 1)
        _, paid, cost = sold(bend.detach(), part.detach())
        precision, honest, true = sold(*truth)
        bound = bound_of_purchases(precision, types.data_size / types.data_size.sum(-1, keepdim=True))
        regret = ((((paid - cost) - (honest - true)) / whole).clamp(min=0) * who).sum(-1).mean()
        loss = ((true - honest) / whole).clamp(min=0).mean()
        objective = bound.clamp(max=100).mean() + 10 * (price["regret"] * regret + price["loss"] * loss)
        optimiser.zero_grad()
        objective.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimiser.step()
        price["regret"] += 0.01 * regret.item()
        price["loss"] += 0.01 * loss.item()
        if step % 100 == 0 or step == steps - 1:
            said = f"step {step}: error bound {bound.mean():.2f}, regret {regret:.4f}, loss {loss:.4f}"
            print(said, file=sys.stderr)
    return networks


def _sold(
    networks: Networks, types: OwnerTypes, budget: Tensor, units: PublicUnits, who: Tensor, bend: Tensor, part: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Precision, payment and true cost ``[B, n]`` in training, where ``who`` bend their curves and admit to a part."""
    valuation = types.valuation
    assert isinstance(valuation, ParametricValuation)
    cap = torch.where(who, types.privacy_budget * part, types.privacy_budget)
    loss = cap[..., None] * TRAINED
    true = _curve(valuation.family, valuation.factor, loss)
    bent = true * torch.where(who[..., None], bend, 0.0).exp()
    scores, share = _outputs(networks, bent, cap, types.data_size.double(), budget, units)
    chance = torch.softmax(scores / TEMPERATURE, dim=-1)[..., :-1]
    return (chance * loss).sum(-1) ** 2 / 8, budget[:, None] * share, (chance * true).sum(-1) * types.data_size


def _outputs(
    networks: Networks, value: Tensor, cap: Tensor, size: Tensor, budget: Tensor, units: PublicUnits
) -> tuple[Tensor, Tensor]:
    rate = budget / size.sum(-1).clamp(min=1) / units.money_per_record
    answer: tuple[Tensor, Tensor] = networks(value / units.money_per_record, cap, size / units.records, rate)
    return answer


def _curve(family: Tensor, factor: Tensor, loss: Tensor) -> Tensor:
    """The valuation families with slopes."""
    curves = torch.stack([2 * loss, loss**2, 2 * loss.sqrt(), loss.expm1()])
    return factor[..., None] * curves.gather(0, family[None, ..., None].expand(1, *loss.shape))[0]


def _tanh(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in range(3):
        layers += [nn.Linear(WIDTH if layer else inputs, WIDTH), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, outputs))


if __name__ == "__main__":
    torch.set_num_threads(1)
    save_file({name: tensor.float() for name, tensor in train().state_dict().items()}, sys.argv[1])
