from pathlib import Path

import torch
from seqkit_placeholder.encoder import Placeholder

import seqkit
from seqkit.testing import check_encoder

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


def test_contract() -> None:
    check_encoder(lambda size: Placeholder(size, hidden_size=4))


def test_equals_torch_rnn_on_each_row() -> None:
    encoder, reference = Placeholder(3, hidden_size=4), torch.nn.RNN(3, 4, batch_first=True)
    weights = {f"{name}_l0": weight for name, weight in encoder.cell.state_dict().items()}
    reference.load_state_dict(weights)
    inputs, lengths = torch.randn(3, 6, 3), torch.tensor([4, 6, 1])
    encoded = encoder(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        outputs, last = reference(inputs[row : row + 1, :length])
        torch.testing.assert_close(encoded.outputs[row, :length], outputs[0])
        torch.testing.assert_close(encoded.final[row], last[0, 0])


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["train"]["loss"] < run.result["baseline"]["loss"]
