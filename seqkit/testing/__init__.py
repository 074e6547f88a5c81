"""Checks of components against their contracts (`seqkit.contracts`), for plugin authors.

Run all checks in one call, with one error that lists every failure and how to fix it:

    from seqkit.testing import check_encoder
    check_encoder(lambda input_size: GRU(input_size, hidden_size=4))

or each check as a test case of pytest:

    import seqkit.testing

    @seqkit.testing.parametrize_with_checks(
        seqkit.testing.checks_for_encoder(lambda input_size: GRU(input_size, hidden_size=4))
    )
    def test_gru(check):
        check()

An encoder is run on random numbers, a tokenizer and an embedding on a few texts, a reader on a sample file, and a head
on a few examples, which it is trained to memorize; an optimizer minimizes a convex function, a schedule gives the rates
of runs of several lengths, a metric scores outcomes with errors and without, and a tracker records a run that is
interrupted and resumed. `seqkit check-plugin` checks everything that a package provides.
"""

from seqkit.testing.checks import Check, CheckFailure, ContractViolation, DoesNotApply, parametrize_with_checks
from seqkit.testing.embedding import check_embedding, checks_for_embedding
from seqkit.testing.encoder import check_encoder, checks_for_encoder
from seqkit.testing.head import check_head, checks_for_head
from seqkit.testing.metric import check_metric, checks_for_metric
from seqkit.testing.optimizer import check_optimizer, checks_for_optimizer
from seqkit.testing.reader import check_reader, checks_for_reader
from seqkit.testing.schedule import check_schedule, checks_for_schedule
from seqkit.testing.tokenizer import check_tokenizer, checks_for_tokenizer
from seqkit.testing.tracker import check_tracker, checks_for_tracker

__all__ = [
    "Check",
    "CheckFailure",
    "ContractViolation",
    "DoesNotApply",
    "check_embedding",
    "check_encoder",
    "check_head",
    "check_metric",
    "check_optimizer",
    "check_reader",
    "check_schedule",
    "check_tokenizer",
    "check_tracker",
    "checks_for_embedding",
    "checks_for_encoder",
    "checks_for_head",
    "checks_for_metric",
    "checks_for_optimizer",
    "checks_for_reader",
    "checks_for_schedule",
    "checks_for_tokenizer",
    "checks_for_tracker",
    "parametrize_with_checks",
]
