"""Every component keeps seqkit's contracts, by the checks that seqkit ships."""

from __future__ import annotations

from seqkit_ctc import checks

import seqkit.testing


@seqkit.testing.parametrize_with_checks([*checks.tones(), *checks.wav(), *checks.ctc()])
def test_the_contract(check) -> None:
    check()
