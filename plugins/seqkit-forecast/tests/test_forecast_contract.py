"""Tests that all components pass the checks of `seqkit.testing`."""

from __future__ import annotations

from seqkit_forecast import checks
from seqkit_forecast.normalization import Normalized
from seqkit_forecast.segments import Segments

import seqkit.testing
from seqkit.encoders.lstm import LSTM


@seqkit.testing.parametrize_with_checks(
    [
        *checks.series(),
        *checks.forecast(),
        *seqkit.testing.checks_for_encoder(
            lambda size: Segments(size, length=2, dim=3, encoder=lambda size: LSTM(size, hidden_size=4))
        ),
        *seqkit.testing.checks_for_encoder(
            lambda size: Normalized(size, encoder=lambda size: LSTM(size, hidden_size=4))
        ),
    ]
)
def test_components_implement_their_contracts(check) -> None:
    check()
