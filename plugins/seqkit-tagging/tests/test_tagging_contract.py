"""Every component keeps seqkit's contracts, by the checks that seqkit ships."""

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
def test_the_contract(check) -> None:
    check()
