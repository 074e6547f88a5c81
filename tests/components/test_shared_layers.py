"""The building blocks of `seqkit.layers` that heads and encoders share."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.layers.dropout import VariationalDropout

quickly = settings(max_examples=50, deadline=None, derandomize=True, database=None)


# Variational dropout


@quickly
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.sampled_from([0.1, 0.5, 0.9]))
def test_variational_dropout_drops_a_feature_at_all_time_steps_or_at_none(
    batch: int, time: int, width: int, p: float
) -> None:
    dropped = VariationalDropout(p)(torch.ones(batch, time, width))
    assert torch.equal(dropped, dropped[:, :1].expand(-1, time, -1))
    assert torch.all((dropped == 0) | torch.isclose(dropped, torch.tensor(1 / (1 - p))))


def test_variational_dropout_keeps_the_mean_and_drops_features_independently() -> None:
    torch.manual_seed(0)
    dropped = VariationalDropout(0.3)(torch.ones(200, 3, 100))[:, 0]
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert (dropped == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert len(torch.unique(dropped, dim=0)) == 200  # each row has its own mask
    assert len(torch.unique(dropped, dim=1).T) == 100


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_variational_dropout_changes_nothing_in_evaluation_or_without_a_probability(p: float) -> None:
    layer = VariationalDropout(p).train(p == 0)
    inputs = torch.randn(2, 3, 4)
    assert layer(inputs) is inputs


def test_variational_dropout_has_the_gradient_of_its_mask() -> None:
    inputs = torch.randn(2, 3, 4, requires_grad=True)
    outputs = VariationalDropout(0.5)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.allclose(outputs, inputs * inputs.grad)
    assert set(inputs.grad.unique().tolist()) <= {0.0, 2.0}


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_variational_dropout_rejects_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="^p must be at least 0 and less than 1, not "):
        VariationalDropout(p)
