"""In which numbers is computed, and that keeping weights in them changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tuning.recipes import Layers, Recipe
from tuning.training.rows import Row

pytestmark = pytest.mark.usefixtures("training")


@pytest.fixture
def model(loaded: Any) -> Any:
    """Tiny, with an adapter that already says something."""
    import torch

    from tuning.training.process.adapting import adapted, trained

    model, _ = loaded("llama")
    with torch.no_grad():
        # Looked up rounded later: so that this is no difference here, it is rounded from the beginning.
        embedding = model.get_input_embeddings().weight
        embedding.copy_(embedding.to(torch.bfloat16))
    torch.manual_seed(0)
    model = adapted(model, Recipe(rank=4, layers=Layers.ALL)).eval()
    for name, weights in trained(model).items():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.05)
    return model


def _learnt(model: Any, tokenizer: Any, rows: list[Row]) -> tuple[list[float], dict[str, Any]]:
    """The nats of each row, and the gradients, computed in bfloat16."""
    import torch

    from tuning.training.process.adapting import trained
    from tuning.training.process.encoding import Encoder
    from tuning.training.process.group import Group
    from tuning.training.process.scoring import Scorer

    encoded, _ = Encoder(tokenizer).rows(rows[:4], 512)
    scorer = Scorer(model, encoded[0].ids[:40], 0, 512, Group())
    scorer.precision = torch.bfloat16
    with scorer.reading():
        nats = scorer.nats(encoded)
        nats.sum().backward()
    gradients = {name: weights.grad.clone() for name, weights in trained(model).items()}
    model.zero_grad()
    return nats.tolist(), gradients


def test_weights_rounded_once_give_what_rounding_them_at_every_pass_gives(
    model: Any, loaded: Any, rows: list[Row]
) -> None:
    import torch

    from tuning.training.process.precision import rest_rounded

    _, tokenizer = loaded("llama")
    nats, gradients = _learnt(model, tokenizer, rows)
    rest_rounded(model)
    rounded, of_rounded = _learnt(model, tokenizer, rows)
    assert rounded == pytest.approx(nats, rel=1e-5)
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, of_rounded[name], rtol=1e-4, atol=1e-6), name
    assert max(float(each.abs().max()) for each in gradients.values()) > 0


def test_what_learns_and_what_is_no_linear_layer_stays_whole(model: Any) -> None:
    import torch

    from tuning.training.process.adapting import trained
    from tuning.training.process.precision import rest_rounded

    rest_rounded(model)
    rounded = {name for name, each in model.named_parameters() if each.dtype is torch.bfloat16}
    assert any("down_proj.base_layer" in name for name in rounded)
    assert not any("norm" in name for name in rounded)
    assert not rounded & trained(model).keys()


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [(1.0, 0.3, "bfloat16"), (1.0, 0.79, "bfloat16"), (1.0, 0.9, "float32"), (1.0, 7.0, "float32")],
)
def test_bfloat16_is_computed_where_it_is_clearly_faster(
    model: Any, monkeypatch: pytest.MonkeyPatch, float32: float, bfloat16: float, chosen: str
) -> None:
    import torch

    from tuning.training.process import precision

    took: Iterator[float] = iter((float32, bfloat16))

    def measured(work: Any) -> float:
        work()
        return next(took)

    monkeypatch.setattr(precision, "_best", measured)
    assert precision.faster_precision(model, 64, torch.device("cpu")) is getattr(torch, chosen)
    assert all(each.grad is None for each in model.parameters())
