"""What the base already knows about the letters, put into the adapter before the first step.

Trained from nothing, SmolLM2-135M gives all letters the same chance until it has read some 1,000 rows. But
from what its last layer computes where a letter is due, a linear regression tells the right one of twenty for
two questions of three. So it is probed first and tuned then (Kumar et al. 2022, arXiv 2202.10054): the
regression becomes the adapter of the last layer's down projection, whose output is added to what the letters
are read from, and everything else of the adapter starts at nothing, as ever.

It is a ridge regression from what that projection reads to how far each letter's logit should move; where
what follows a letter is due, none should.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch

from tuning.recipes import Method, Objective, Recipe
from tuning.training.process.encoding import Encoded
from tuning.training.process.group import Group
from tuning.training.process.scoring import Scorer
from tuning.training.rows import Row

_MOST_ROWS: Final = 1000
"""More make the regression slow and hardly better."""
_STRICTNESS: Final = 1e-3
"""Of the ridge, in shares of all that the projection reads: so strict that five rows of six are told right. A
regression that told all of them right would leave nothing to learn from them."""
_SURENESS: Final = 12.0
"""How many nats the right letter should be above the others, before the ridge holds it back."""
_EMPTY: Final = 1e-4
"""Share of the largest: raising all letters at once is no direction but a rounding error of this size."""
_ADAPTER: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the base makes of rows where a letter is due."""

    inputs: torch.Tensor
    """(rows, wide) what the last layer's down projection reads, columns of like size."""
    after: torch.Tensor
    """(places, wide) the same where what follows a letter is due."""
    sizes: torch.Tensor
    """(wide,) by which the columns were divided."""
    length: float
    """Root mean square of what the last norm reads."""
    logits: torch.Tensor
    """(rows, letters), their mean taken off; so below."""
    right: torch.Tensor
    """(rows,) indices of letters."""


def may_start_ahead(recipe: Recipe, rows: Sequence[Row], encoded: Sequence[Encoded]) -> bool:
    """Whether one letter is due in each row, and the letters mean the same in all."""
    return (
        recipe.objective is Objective.SFT
        and recipe.method in {Method.LORA, Method.RSLORA, Method.QLORA}
        and all(row.labels and row.completion[0] in row.labels for row in rows)
        and len({row.messages[0] for row in rows}) == 1
        and len({len(each.ids) - each.prompt for each in encoded}) == 1
    )


def start_ahead(
    model: Any, scorer: Scorer, group: Group, rows: Sequence[Encoded], worth: Callable[[], float]
) -> bool:
    """Write the regression into the adapter; return whether it stays there. Nothing is changed where it makes
    what `worth` says, a held-out loss, no lower: some families have a norm behind the projection.
    """
    model.eval()
    chosen = rows[:: math.ceil(len(rows) / _MOST_ROWS)]
    tokens = sorted({each.ids[each.prompt] for each in chosen})
    if len(tokens) < 2:
        return False
    down = _decoder(model).layers[-1].mlp.down_proj
    first, second = down.lora_A[_ADAPTER].weight, down.lora_B[_ADAPTER].weight
    before, kept = worth(), [each.detach().clone() for each in (first, second)]
    read = _read(model, scorer, group, chosen, tokens)
    reading, moving = _factors(read, _regression(read), _directions(model, tokens), first.shape[0])
    with torch.no_grad():
        first[: len(reading)] = reading
        second[:, : len(reading)] = moving * read.length / down.scaling[_ADAPTER]
        if worth() < before:
            return True
        first.copy_(kept[0])
        second.copy_(kept[1])
    return False


def _decoder(model: Any) -> Any:
    return model.get_base_model().model


def _read(model: Any, scorer: Scorer, group: Group, rows: Sequence[Encoded], tokens: Sequence[int]) -> _Read:
    decoder = _decoder(model)
    down, norm = decoder.layers[-1].mlp.down_proj, decoder.norm
    learnt = len(rows[0].ids) - rows[0].prompt
    inputs = torch.zeros(len(rows), learnt, down.in_features, device=group.device)
    last = torch.zeros(len(rows), down.out_features, device=group.device)
    with torch.no_grad(), scorer.reading(), _inputs_of(down) as to_down, _inputs_of(norm) as to_norm:
        for part in scorer.parts(rows, range(len(rows))):
            scorer.nats([rows[row] for row in part])
            inputs[list(part)] = to_down[-1][:, -1 - learnt : -1].float()
            last[list(part)] = to_norm[-1][:, -1 - learnt].float()
    inputs, last = group.added(inputs), group.added(last)
    with torch.no_grad():
        logits = model.get_output_embeddings().weight[tokens].float() @ norm(last).float().T
    sizes = inputs[:, 0].pow(2).mean(0).sqrt()
    # So that columns that are nearly empty are not made as loud as the others.
    sizes += sizes.median()
    inputs = (inputs / sizes).double()
    return _Read(
        inputs=inputs[:, 0],
        after=inputs[:, 1:].flatten(0, 1),
        sizes=sizes.double(),
        length=float(last.pow(2).mean().sqrt()),
        logits=(logits - logits.mean(0)).T.double(),
        right=torch.tensor([tokens.index(each.ids[each.prompt]) for each in rows], device=group.device),
    )


@contextmanager
def _inputs_of(module: Any) -> Iterator[deque[torch.Tensor]]:
    """What the module was given last, while the context lasts."""
    given: deque[torch.Tensor] = deque(maxlen=1)
    hook = module.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    try:
        yield given
    finally:
        hook.remove()


def _regression(read: _Read) -> torch.Tensor:
    """Return (wide, letters): from the inputs to how far each logit should move."""
    places = torch.cat([read.inputs, read.after])
    right = torch.nn.functional.one_hot(read.right).double()
    moves = places.new_zeros(len(places), right.shape[1])
    moves[: len(right)] = _SURENESS * (right - 1 / right.shape[1]) - read.logits
    products = places @ places.T
    products.diagonal().add_(_STRICTNESS * read.inputs.pow(2).sum())
    return places.T @ torch.linalg.solve(products, moves)


def _directions(model: Any, tokens: Sequence[int]) -> torch.Tensor:
    """Return (plain, letters): what raises each letter's logit above the others' by one nat, added to inputs
    of the last norm that have a root mean square of 1.
    """
    head = model.get_output_embeddings().weight[list(tokens)].detach().double()
    with torch.no_grad():
        gain = _decoder(model).norm(torch.ones(1, head.shape[1], device=head.device)).double()
    letters = head * gain
    return torch.linalg.pinv(letters - letters.mean(0), rtol=_EMPTY)


def _factors(
    read: _Read, regression: torch.Tensor, directions: torch.Tensor, rank: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut the way from inputs to directions into (at most rank, wide) and (plain, at most rank), which keep
    most of what is told of the rows.
    """
    _, _, letters = torch.linalg.svd(read.inputs @ regression, full_matrices=False)
    # The letters' moves add up to nothing: the last of these directions is empty.
    kept = letters[: min(rank, len(letters) - 1)].T
    return (regression @ kept).T / read.sizes, directions @ kept
