"""What a step makes smaller: of what should be said, its nats; of votes, Kahneman and Tversky's loss.

Imitation (SFT): the nats per learnt token, weighted by row.

KTO (Ethayarajh et al. 2024, arXiv 2402.01306, equations 7 and 8): for a row x, y with the reward
r = log p(y|x) - log p_base(y|x) and the point of reference z = KL(p || p_base), the loss is
w (1 - sigmoid(beta (r - z))) where members liked it and w (1 - sigmoid(beta (z - r))) where they did not.

* The base is the same model with its adapter disabled: no second copy. It never changes, so it is asked once
  for each row, before the first step.
* z is estimated as the paper does, from prompts with completions that belong to other ones: the mean of
  their rewards over a step, not below 0, through which no gradient goes. Which completion a prompt is paired
  with is drawn once, so that the base need not be asked again. One pair would say next to nothing: a recipe's
  batch is at least 2, and each epoch mixes other rows in a step.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from agent.errors import UsageError
from agent.language.counts import Count
from tuning.recipes import Objective, Recipe
from tuning.training.process.encoding import Encoded
from tuning.training.process.group import Group
from tuning.training.process.scoring import Scorer


class Learning(Protocol):
    def begin(self) -> None:
        """Work out what does not change while training. The scorer's precision is set by now."""

    def learn(self, chosen: Sequence[int]) -> float:
        """Add the gradient of a step over these training rows; return its loss, over all processes."""

    def held_out(self) -> float:
        """The loss over the held-out rows, without gradients."""


def learning(
    recipe: Recipe, scorer: Scorer, group: Group, train: Sequence[Encoded], held_out: Sequence[Encoded]
) -> Learning:
    """Raises `UsageError` for rows that the recipe's objective cannot learn from."""
    if recipe.objective is Objective.KTO:
        return Kto(recipe, scorer, group, train, held_out)
    return Imitation(scorer, group, train, held_out)


class Imitation:
    def __init__(
        self, scorer: Scorer, group: Group, train: Sequence[Encoded], held_out: Sequence[Encoded]
    ) -> None:
        disliked = sum(not row.desirable for row in (*train, *held_out))
        if disliked:
            raise UsageError(
                f"{Count(disliked):# row is|# rows are} of answers that members disliked, which sft would "
                "learn to say.",
                "Use kto, or leave those out.",
            )
        self._scorer, self._group = scorer, group
        self._train, self._held_out = train, held_out

    def begin(self) -> None:
        """Nothing is known beforehand."""

    def learn(self, chosen: Sequence[int]) -> float:
        tokens = _learnt([self._train[row] for row in chosen])
        total = 0.0
        with self._scorer.reading():
            for part in self._scorer.parts(self._train, chosen):
                rows = [self._train[row] for row in part]
                loss = (self._scorer.nats(rows) * _weights(rows, self._group)).sum() / tokens
                loss.backward()
                total += float(loss.detach())
        return self._group.total(total)

    def held_out(self) -> float:
        """Nats per learnt token, weighted by row."""
        nats = self._scorer.all_nats(self._held_out) * _weights(self._held_out, self._group)
        return float(nats.sum()) / _learnt(self._held_out)


@dataclass(slots=True, kw_only=True)
class _Voted:
    rows: Sequence[Encoded]
    strange: Sequence[Encoded]
    """The same prompts, each with the completion of another row."""
    base: torch.Tensor
    """(rows,) nats that the base gives the rows."""
    base_strange: torch.Tensor


class Kto:
    def __init__(
        self,
        recipe: Recipe,
        scorer: Scorer,
        group: Group,
        train: Sequence[Encoded],
        held_out: Sequence[Encoded],
    ) -> None:
        if len({row.desirable for row in train}) < 2:
            raise UsageError("KTO needs answers that members liked and answers that they did not.")
        if len(held_out) < 2:
            raise UsageError("KTO needs at least two held-out rows.")
        self._recipe, self._scorer, self._group = recipe, scorer, group
        self._train, self._held_out = self._voted(train), self._voted(held_out)

    def begin(self) -> None:
        self._scorer.model.eval()
        with self._scorer.model.disable_adapter():
            for voted in (self._train, self._held_out):
                voted.base = self._scorer.all_nats(voted.rows)
                voted.base_strange = self._scorer.all_nats(voted.strange)

    def learn(self, chosen: Sequence[int]) -> float:
        drift = self._drift(self._train, chosen)
        whole = sum(self._train.rows[row].weight for row in chosen)
        total = 0.0
        with self._scorer.reading():
            for part in self._scorer.parts(self._train.rows, chosen):
                nats = self._scorer.nats([self._train.rows[row] for row in part])
                loss = self._losses(self._train, part, nats, drift).sum() / whole
                loss.backward()
                total += float(loss.detach())
        return self._group.total(total)

    def held_out(self) -> float:
        """The mean loss of a row, weighted by row: a half times its weight where nothing was learnt yet."""
        rows = range(len(self._held_out.rows))
        drift = self._drift(self._held_out, rows)
        nats = self._scorer.all_nats(self._held_out.rows)
        losses = self._losses(self._held_out, rows, nats, drift)
        return float(losses.sum()) / sum(row.weight for row in self._held_out.rows)

    def _drift(self, voted: _Voted, chosen: Sequence[int]) -> float:
        """z: how far the model went from the base on these prompts, in nats."""
        nats = self._scorer.all_nats(voted.strange, chosen)
        gone = (voted.base_strange - nats)[list(chosen)].mean()
        return max(0.0, float(gone))

    def _losses(self, voted: _Voted, chosen: Sequence[int], nats: torch.Tensor, drift: float) -> torch.Tensor:
        rows = [voted.rows[row] for row in chosen]
        liked = torch.tensor([row.desirable for row in rows], device=nats.device)
        gain = voted.base[list(chosen)] - nats - drift
        worth = torch.sigmoid(self._recipe.beta * torch.where(liked, gain, -gain))
        weights = torch.where(liked, self._recipe.desirable_weight, self._recipe.undesirable_weight)
        return weights * _weights(rows, self._group) * (1 - worth)

    def _voted(self, rows: Sequence[Encoded]) -> _Voted:
        order = list(range(len(rows)))
        random.Random(f"{self._recipe.seed}/strange").shuffle(order)
        other = dict(zip(order, [*order[1:], order[0]], strict=True))
        strange = [_answered(row, rows[other[at]]) for at, row in enumerate(rows)]
        unknown = torch.zeros(0)
        return _Voted(rows=rows, strange=strange, base=unknown, base_strange=unknown)


def _answered(row: Encoded, other: Encoded) -> Encoded:
    return replace(row, ids=[*row.ids[: row.prompt], *other.ids[other.prompt :]])


def _learnt(rows: Sequence[Encoded]) -> float:
    return sum(row.weight * (len(row.ids) - row.prompt) for row in rows)


def _weights(rows: Sequence[Encoded], group: Group) -> torch.Tensor:
    return torch.tensor([row.weight for row in rows], device=group.device)
