"""Tests that all components pass the checks of `seqkit.testing`."""

from __future__ import annotations

from seqkit_tagging import checks

import seqkit.testing


@seqkit.testing.parametrize_with_checks(
    [
        *checks.conll(),
        *checks.tokenizer(),
        *checks.embedding(),
        *checks.char_cnn(),
        *checks.tag(),
        *checks.crf(),
    ]
)
def test_components_implement_their_contracts(check) -> None:
    check()
