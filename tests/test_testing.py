"""seqkit.testing as an author uses it: in one call, as cases of pytest, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch
from torch import nn

import seqkit
from seqkit import testing
from seqkit.contracts import Encoded, Encoder
from seqkit.encoders.lstm import LSTM
from seqkit.heads.classify import Classify
from seqkit.registry import load_registry
from seqkit.testing import builtin
from seqkit.testing.checks import outcome
from seqkit.testing.guesses import EXAMPLES, NoGuess, guessed_checks
from seqkit.tokenizers.char import Char

OWN = [(kind, entry) for kind in seqkit.contracts.CONTRACTS for entry in load_registry().all(kind)]


@pytest.mark.parametrize(("kind", "entry"), OWN, ids=[f"{kind} {entry.name}" for kind, entry in OWN])
def test_what_seqkit_ships_names_its_checks(kind: str, entry: Any) -> None:
    assert {check.kind for check in entry.load_checks()()} == {kind}


APART = [(kind, entry) for kind, entry in OWN if entry.name != "sentiment"]  # the same class as classify


@pytest.mark.parametrize(("kind", "entry"), APART, ids=[f"{kind} {entry.name}" for kind, entry in APART])
def test_what_seqkit_ships_passes_every_check(kind: str, entry: Any) -> None:
    checks = entry.load_checks()()
    assert len({check.name for check in checks}) == len(checks) >= 12
    for check in checks:
        done = outcome(check)
        assert done.status != "failed", f"{check.name}: {done.message}"


@testing.parametrize_with_checks(testing.checks_for_encoder(lambda size: LSTM(size, hidden_size=4)))
def test_checks_are_cases_of_pytest(check) -> None:
    check()


class Wrong(nn.Module, Encoder):
    """Says that it is causal and twice as wide as it is, and sums up the padding."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = input_size

    def forward(self, inputs: Any, lengths: Any, state: Any = None) -> Encoded:
        return Encoded(inputs.flip(1), inputs[:, -1])


def test_one_call_tells_of_every_failed_check_by_name() -> None:
    with pytest.raises(testing.CheckFailure) as caught:
        testing.check_encoder(Wrong)
    assert isinstance(caught.value, AssertionError)
    first, *lines = str(caught.value).split("\n")
    assert {"padding", "company", "causal", "final"} <= caught.value.failures.keys()
    assert first.startswith(f"{len(lines)} of ") and first.endswith(" checks of this encoder fail:")
    told = "  causal: it says that it is causal, and the output at step 0 depends on the input at step 5: set causal = "
    assert any(line.startswith(told) for line in lines)


class Unbuildable(Wrong):
    def __init__(self, input_size: int) -> None:
        raise RuntimeError("no such\nfile")


def test_a_component_that_breaks_its_contract_is_told_once() -> None:
    with pytest.raises(testing.CheckFailure) as caught:
        testing.check_encoder(Unbuildable)
    assert str(caught.value).startswith("1 of ")
    assert "checks of this encoder fails:\n  contract: raises RuntimeError: no such file (" in str(caught.value)


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        (testing.check_tokenizer, (lambda: LSTM(3, hidden_size=2),), "is a LSTM: inherit seqkit.contracts.Tokenizer"),
        (testing.check_embedding, (lambda tokenizer: Char(),), "is a Char: inherit seqkit.contracts.Embedding"),
        (testing.check_encoder, (lambda size: nn.LSTM(size, 4),), "is a LSTM: inherit seqkit.contracts.Encoder"),
        (testing.check_head, (Char, EXAMPLES["labels"]), "is a Char: inherit seqkit.contracts.Head"),
        (testing.check_reader, (Char,), "is a Char: inherit seqkit.contracts.Reader"),
    ],
)
def test_another_thing_than_the_kind_is_told(check: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(testing.CheckFailure, match=f"contract: {message}"):
        check(*arguments)


def test_what_is_tried_in_is_left_as_it_was() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    with pytest.raises(testing.CheckFailure):
        testing.check_encoder(Wrong)
    assert torch.equal(torch.rand(3), wanted)
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)


def test_kinds_have_a_dozen_checks_each() -> None:
    lists = [
        testing.checks_for_reader(lambda path: None, "a"),
        testing.checks_for_tokenizer(Char),
        testing.checks_for_embedding(lambda tokenizer: None),
        testing.checks_for_encoder(Wrong),
        testing.checks_for_head(Classify, EXAMPLES["labels"]),
    ]
    for checks in lists:
        assert len({check.name for check in checks}) == len(checks) >= 20
        assert all(check.promise.endswith(".") for check in checks)


def test_the_cases_that_pytest_shows(tmp_path: Path) -> None:
    """A skipped check says why, a failed one what is wrong, under its own name."""
    source = """
        import seqkit.testing
        from test_testing import Wrong
        from seqkit.encoders.bilstm import BiLSTM

        @seqkit.testing.parametrize_with_checks(
            seqkit.testing.checks_for_encoder(lambda size: BiLSTM(size, hidden_size=2)))
        def test_bilstm(check):
            check()

        @seqkit.testing.parametrize_with_checks(seqkit.testing.checks_for_encoder(Wrong))
        def test_wrong(check):
            check()
        """
    (tmp_path / "test_mine.py").write_text(dedent(source))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rsf", "-p", "no:cacheprovider", "-k", "state or causal", tmp_path],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent), "COLUMNS": "300"},
    )
    assert "it is not causal, so seqkit carries no state" in done.stdout
    assert "test_wrong[causal] - seqkit.testing.checks.Broken: it says that it is causal" in done.stdout
    assert "test_bilstm[causal]" not in done.stdout


def test_seqkit_testing_is_imported_when_it_is_used() -> None:
    code = "import sys, seqkit; 'testing' in dir(seqkit) and print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
    assert seqkit.testing is testing


# What is tried where a plugin names no checks


@pytest.mark.parametrize(("kind", "entry"), OWN, ids=[f"{kind} {entry.name}" for kind, entry in OWN])
def test_what_can_be_guessed_of_what_seqkit_ships(kind: str, entry: Any) -> None:
    if kind == "reader":
        with pytest.raises(NoGuess, match="no sample of what it reads can be guessed"):
            guessed_checks(entry)
        return
    checks = {check.name: check for check in guessed_checks(entry)}
    assert outcome(checks["contract"]).status == "ok"
    assert outcome(checks["determinism"]).status == "ok"


def test_the_reference_of_the_lstm_is_torchs() -> None:
    torch.manual_seed(0)
    encoder, inputs = LSTM(3, hidden_size=4, num_layers=2), torch.randn(2, 5, 3)
    torch.testing.assert_close(builtin.torch_lstm(encoder, inputs), encoder(inputs, torch.tensor([5, 5])).outputs)
