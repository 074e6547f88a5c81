"""Tests that all components pass the checks of `seqkit.testing`."""

from __future__ import annotations

from seqkit_ctc import checks

import seqkit.testing


@seqkit.testing.parametrize_with_checks([*checks.tones(), *checks.voices(), *checks.wav(), *checks.ctc()])
def test_components_implement_their_contracts(check) -> None:
    check()
