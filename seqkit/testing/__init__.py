"""Is a component right? What `contracts.py` asks of it, as checks for its author to run.

All at once, with one error that says what is wrong and how to mend it:

    from seqkit.testing import check_encoder
    check_encoder(lambda input_size: GRU(input_size, hidden_size=4))

or each as a case of pytest:

    import seqkit.testing

    @seqkit.testing.parametrize_with_checks(
        seqkit.testing.checks_for_encoder(lambda input_size: GRU(input_size, hidden_size=4))
    )
    def test_gru(check):
        check()

Each kind is tried on what it takes: an encoder on random numbers, a tokenizer and an embedding on a few texts, a
reader on a sample of a file, a head on a handful of examples, which it is taught by heart. `seqkit check-plugin` tries
all that an installed package provides.
"""

from seqkit.testing.checks import Broken, Check, CheckFailure, DoesNotApply, parametrize_with_checks
from seqkit.testing.embeddings import check_embedding, checks_for_embedding
from seqkit.testing.encoders import check_encoder, checks_for_encoder
from seqkit.testing.heads import check_head, checks_for_head
from seqkit.testing.readers import check_reader, checks_for_reader
from seqkit.testing.tokenizers import check_tokenizer, checks_for_tokenizer

__all__ = [
    "Broken",
    "Check",
    "CheckFailure",
    "DoesNotApply",
    "check_embedding",
    "check_encoder",
    "check_head",
    "check_reader",
    "check_tokenizer",
    "checks_for_embedding",
    "checks_for_encoder",
    "checks_for_head",
    "checks_for_reader",
    "checks_for_tokenizer",
    "parametrize_with_checks",
]
