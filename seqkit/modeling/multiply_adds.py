"""Count the multiply-adds of a model: the products of its weights with the vectors of one token."""

from __future__ import annotations

from torch import nn

from seqkit.contracts import Embedding
from seqkit.modeling.model import Model


def multiply_adds(model: Model) -> dict[str, int]:
    """Return the multiply-adds of each module of a model for one token, by the name of the module.

    Each weight matrix is multiplied with one vector per token: an LSTM of width h over inputs of width i takes
    4h(i + h), a linear layer as many as it has weights, an embedding none. Not counted are biases, activation
    functions, and products of outputs with each other, as in attention. A layer that is used once a row, such as the
    output of a classifier, is counted as if a row were one token. Ids that an encoder takes in place of one-hot vectors
    choose columns of a matrix, and multiply nothing.

    A module whose matrices are used otherwise has an integer attribute `multiply_adds`.

    Returns:
        For each module with weights of its own (not of its children), in the order of `named_modules`: the number of
        products. Their sum is that of the model.
    """
    looked_up = _input_weights(model) if model.passes_ids else set()
    return {
        name: _products(module, looked_up)
        for name, module in model.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    }


def _products(module: nn.Module, looked_up: set[nn.Parameter]) -> int:
    declared = getattr(module, "multiply_adds", None)
    if isinstance(declared, int):
        return declared
    if isinstance(module, nn.Embedding | nn.EmbeddingBag | Embedding):
        return 0
    weights = module.parameters(recurse=False)
    return sum(weight.numel() for weight in weights if weight.ndim > 1 and weight not in looked_up)


def _input_weights(model: Model) -> set[nn.Parameter]:
    """Return the matrices of recurrent layers that are multiplied with the inputs of an encoder's bottom layer."""
    bottom = set(model.encoder.layer_parameters()[0])
    weights = (module.weight_ih_l0 for module in model.encoder.modules() if isinstance(module, nn.RNNBase))
    return bottom.intersection(weights)
