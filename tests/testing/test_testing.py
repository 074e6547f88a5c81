"""Tests of seqkit.testing: checks in one call and as pytest cases, and their messages."""

from __future__ import annotations

import inspect
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
from seqkit.heads.regress import Regress
from seqkit.hookspecs import Component
from seqkit.registry import load_registry
from seqkit.registry.records import Registered
from seqkit.testing.builtin.encoders import torch_lstm
from seqkit.testing.checks import run_check
from seqkit.testing.default_cases import EXAMPLES, NoDefaultCase, default_checks
from seqkit.tokenizers.char import Char

BUILT_IN = [(kind, entry) for kind in seqkit.contracts.CONTRACTS for entry in load_registry().all(kind)]


@pytest.mark.parametrize(("kind", "entry"), BUILT_IN, ids=[f"{kind} {entry.name}" for kind, entry in BUILT_IN])
def test_built_in_components_declare_their_checks(kind: str, entry: Any) -> None:
    assert {check.kind for check in entry.load_checks()()} == {kind}


DISTINCT = [(kind, entry) for kind, entry in BUILT_IN if entry.name != "sentiment"]  # the same class as classify


@pytest.mark.parametrize(("kind", "entry"), DISTINCT, ids=[f"{kind} {entry.name}" for kind, entry in DISTINCT])
def test_built_in_components_pass_all_checks(kind: str, entry: Any) -> None:
    checks = entry.load_checks()()
    assert len({check.name for check in checks}) == len(checks) >= (8 if kind == "metric" else 12)
    for check in checks:
        result = run_check(check)
        assert result.status != "failed", f"{check.name}: {result.message}"


@testing.parametrize_with_checks(testing.checks_for_encoder(lambda size: LSTM(size, hidden_size=4)))
def test_checks_are_pytest_cases(check) -> None:
    check()


class Wrong(nn.Module, Encoder):
    """An encoder that sets causal although outputs are reversed, and takes final from the padding."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = input_size

    def forward(self, inputs: Any, lengths: Any, state: Any = None) -> Encoded:
        return Encoded(inputs.flip(1), inputs[:, -1])


def test_one_error_lists_all_failed_checks() -> None:
    with pytest.raises(testing.CheckFailure) as caught:
        testing.check_encoder(Wrong)
    assert isinstance(caught.value, AssertionError)
    first, *lines = str(caught.value).split("\n")
    assert {"padding_independence", "batch_independence", "causality", "final"} <= caught.value.failures.keys()
    assert first.startswith(f"{len(lines)} of ") and first.endswith(" checks of this encoder failed:")
    expected = (
        "  causality: causal is True, but the output at time step 0 depends on the input at time step 5: set causal"
    )
    assert any(line.startswith(expected) for line in lines)


class Unbuildable(Wrong):
    def __init__(self, input_size: int) -> None:
        raise RuntimeError("no such\nfile")


def test_failed_contract_check_is_reported_alone() -> None:
    with pytest.raises(testing.CheckFailure) as caught:
        testing.check_encoder(Unbuildable)
    assert str(caught.value).startswith("1 of ")
    assert "checks of this encoder failed:\n  contract: raises RuntimeError: no such file at test_" in str(caught.value)


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        (
            testing.check_tokenizer,
            (lambda: LSTM(3, hidden_size=2),),
            "is a LSTM: inherit from seqkit.contracts.Tokenizer",
        ),
        (testing.check_embedding, (lambda tokenizer: Char(),), "is a Char: inherit from seqkit.contracts.Embedding"),
        (testing.check_encoder, (lambda size: nn.LSTM(size, 4),), "is a LSTM: inherit from seqkit.contracts.Encoder"),
        (testing.check_head, (Char, EXAMPLES["labels"]), "is a Char: inherit from seqkit.contracts.Head"),
        (testing.check_reader, (Char,), "is a Char: inherit from seqkit.contracts.Reader"),
    ],
)
def test_other_classes_are_rejected(check: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(testing.CheckFailure, match=f"contract: {message}"):
        check(*arguments)


def test_checks_restore_the_global_state() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    with pytest.raises(testing.CheckFailure):
        testing.check_encoder(Wrong)
    assert torch.equal(torch.rand(3), expected)
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)


def test_each_kind_has_checks_with_descriptions() -> None:
    lists = [
        testing.checks_for_reader(lambda path: None, "a"),
        testing.checks_for_tokenizer(Char),
        testing.checks_for_embedding(lambda tokenizer: None),
        testing.checks_for_encoder(Wrong),
        testing.checks_for_head(Classify, EXAMPLES["labels"]),
    ]
    for checks in lists:
        assert len({check.name for check in checks}) == len(checks) >= 20
        assert all(check.description.endswith(".") for check in checks)


def test_pytest_reports_skipped_and_failed_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output contains the name of each check, the reason if it is skipped, and the message if it fails."""
    imports = """
        from typing import Any
        import seqkit.testing
        from torch import nn
        from seqkit.contracts import Encoded, Encoder
        from seqkit.encoders.lstm import BiLSTM
        """
    cases = """
        @seqkit.testing.parametrize_with_checks(
            seqkit.testing.checks_for_encoder(lambda size: BiLSTM(size, hidden_size=2)))
        def test_bilstm(check):
            check()

        @seqkit.testing.parametrize_with_checks(seqkit.testing.checks_for_encoder(Wrong))
        def test_wrong(check):
            check()
        """
    # pytest imports it in this process: no other test module has this name.
    (tmp_path / "test_bilstm_and_wrong.py").write_text(dedent(imports) + inspect.getsource(Wrong) + dedent(cases))
    monkeypatch.setenv("COLUMNS", "300")
    folder = str(tmp_path)
    pytest.main(["-q", "-rsf", "-p", "no:cacheprovider", "-k", "state or causal", "--rootdir", folder, folder])
    printed = capsys.readouterr().out
    assert "causal is False, so no state is carried" in printed
    assert "test_wrong[causality] - seqkit.testing.checks.ContractViolation: causal is True" in printed
    assert "test_bilstm[causality]" not in printed


def test_seqkit_testing_is_imported_on_first_use() -> None:
    code = "import sys, seqkit; 'testing' in dir(seqkit) and print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
    assert seqkit.testing is testing


# Default checks, for components whose plugins declare no checks


@pytest.mark.parametrize(("kind", "entry"), BUILT_IN, ids=[f"{kind} {entry.name}" for kind, entry in BUILT_IN])
def test_default_checks_of_built_in_components(kind: str, entry: Any) -> None:
    missing = {"reader": "sample of its source", "pretrained": "value for its parameter 'path'"}
    if reason := missing.get(kind) or missing.get(entry.name):
        with pytest.raises(NoDefaultCase, match=f"there is no default {reason}"):
            default_checks(entry)
        return
    checks = {check.name: check for check in default_checks(entry)}
    assert run_check(checks["contract"]).status == "ok"
    assert run_check(checks["determinism"]).status == "ok"


def test_lstm_reference_is_torch() -> None:
    torch.manual_seed(0)
    encoder, inputs = LSTM(3, hidden_size=4, num_layers=2), torch.randn(2, 5, 3)
    torch.testing.assert_close(torch_lstm(encoder, inputs), encoder(inputs, torch.tensor([5, 5])).outputs)


class TextNeeds(Regress):
    def __init__(self):
        super().__init__()
        self.needs = "final"


def test_needs_that_is_a_text_is_reported_with_the_default_examples() -> None:
    """A head of numbers rejects the first default examples, and is checked with numbers."""
    registered = Registered("head", Component("faulty", TextNeeds, ""), "", "")
    contract = next(check for check in default_checks(registered) if check.name == "contract")
    assert run_check(contract).message == "needs is 'final': set it to frozenset({'final'})"
