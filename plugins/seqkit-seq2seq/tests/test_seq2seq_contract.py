"""Tests that all components pass the checks of `seqkit.testing`."""

from __future__ import annotations

from seqkit_seq2seq import checks

import seqkit.testing


@seqkit.testing.parametrize_with_checks([*checks.pairs(), *checks.dates(), *checks.translate()])
def test_components_implement_their_contracts(check) -> None:
    check()
