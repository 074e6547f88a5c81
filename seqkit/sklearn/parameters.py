"""The parameters of the classifier and the regressor, and the recipe of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from seqkit.contracts import TextPair
from seqkit.layers.scripts import are_short, are_unspaced
from seqkit.messages import message
from seqkit.sklearn.base import SequenceEstimator, names_unknown_parameters
from seqkit.sklearn.inputs import check_sequences
from seqkit.tasks.models import tokenizer_section

PARAMETERS = """
    Args:
        recipe: a recipe that determines everything but the data and the seed, a file or a dictionary. Its reader
            decides whether X contains texts, pairs of texts or numbers. Its test split is left out; a validation split
            is taken from X.
        overrides: changes to the recipe, as `seqkit.run` takes them: `{"encoder__hidden_size": 128}`.
        tokenizer: the tokenizer of texts: its name, or a section of a recipe. By default `word` if spaces separate the
            words; `char` for Chinese and other scripts without spaces, and for short texts such as names.
        embedding_dim: the size of the learned vector of a token.
        encoder: the encoder: its name, or a section of a recipe, which then has its own sizes.
        hidden_size: the size of the encoder's state.
        num_layers: its number of layers.
        pooling: what the head reads, as in the head `classify`.
        ngrams: the length of the longest n-grams of a linear model beside the encoder; 0 for none. By default 2 for
            the tokenizer `word` and 3 for any other; sequences of numbers have none.
        dropout: the dropout probability of what the head reads.
        epochs: the number of epochs.
        batch_size: the number of sequences of a batch.
        learning_rate: the learning rate of Adam.
        random_state: the seed; a generator; or None to use NumPy's.
        threads: CPU threads of training. With 1, results repeat exactly, and a search with `n_jobs` uses each core
            once; `auto` chooses by the size of the model.
        runs: the folder in which run directories are created; None for a temporary one.
        verbose: whether to print what `seqkit run` prints.

    Attributes:
        run_: the trained run, a `seqkit.Run`.
        history_: the rows of its metrics.jsonl, a list of dictionaries.
        n_iter_: the number of epochs trained.
"""
"""The part of the docstrings of both that describes the parameters."""


class FromParameters(SequenceEstimator):
    """The parameters of a classifier or regressor, and the recipe of them."""

    @names_unknown_parameters
    def __init__(
        self,
        recipe: Any = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        tokenizer: str | Mapping[str, Any] | None = None,
        embedding_dim: int = 64,
        encoder: str | Mapping[str, Any] = "bilstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        pooling: str | Sequence[str] = ("max", "attention"),
        ngrams: int | None = None,
        dropout: float = 0.5,
        epochs: int = 10,
        batch_size: int = 32,
        learning_rate: float = 0.003,
        random_state: Any = None,
        threads: int | str = 1,
        runs: Any = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.overrides = overrides
        self.tokenizer = tokenizer
        self.embedding_dim = embedding_dim
        self.encoder = encoder
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.pooling = pooling
        self.ngrams = ngrams
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.threads = threads
        self.runs = runs
        self.verbose = verbose

    def _head_name(self) -> str:
        """Return the head of the recipe."""
        raise NotImplementedError

    def _sections(self, inputs: list[Any], features: bool) -> dict[str, Any]:
        sizes = {"hidden_size": self.hidden_size, "num_layers": self.num_layers}
        pooling: Any = [self.pooling] if isinstance(self.pooling, str) else self.pooling
        pooling = list(pooling) if isinstance(pooling, Iterable) else pooling
        head: dict[str, Any] = {"type": self._head_name(), "pooling": pooling, "dropout": self.dropout}
        if features:
            sections: dict[str, Any] = {"data": {"type": "sequences"}, "embedding": "scaled"}
            ngrams = self.ngrams or 0
        else:
            sections = self._text_sections(inputs)
            is_spelled = sections["embedding"]["type"] == "concat"
            ngrams = (2 if is_spelled else 3) if self.ngrams is None else self.ngrams
        return sections | {
            "encoder": {"type": self.encoder} | sizes if isinstance(self.encoder, str) else self.encoder,
            "head": head | {"ngrams": ngrams},
            "train": self._train_section(clip_norm=1.0) | {"schedule": "cosine"},
        }

    def _text_sections(self, inputs: list[str] | list[TextPair]) -> dict[str, Any]:
        """Return the sections that read texts or pairs of them, after those that `seqkit init` writes."""
        texts = [str(value) for value in inputs]
        is_unspaced = are_unspaced(texts)
        is_short = not is_unspaced and are_short(texts)
        tokenizer = self.tokenizer
        if tokenizer is None:
            tokenizer = "char" if is_unspaced or is_short else "word"
        embedding: dict[str, Any] = {"type": "learned", "dim": self.embedding_dim}
        changed = {key.split("__")[0] for key in self.overrides or {}}  # they apply to `learned`, and can replace it
        if _reads_words(tokenizer) and not changed & {"tokenizer", "embedding"}:
            spelling = {"type": "char_ngrams", "dim": self.embedding_dim}
            embedding = {"type": "concat", "embeddings": [embedding, spelling]}
        if tokenizer in ("char", "word"):
            tokenizer = tokenizer_section(tokenizer == "char", is_short, len(texts))
        pairs = {"text_pair": "text_pair"} if isinstance(inputs[0], TextPair) else {}
        return {"data": {"type": "table"} | pairs, "tokenizer": tokenizer, "embedding": embedding}

    def _check_inputs(self, X: Any, y: Any) -> list[Any]:
        """Return the sequences of `X`, of which each has a target in `y`.

        Raises:
            ValueError: there are no targets, or fewer or more of them; or X is invalid.
        """
        if y is None:
            raise ValueError(message("requires y to be passed, but the target y is None"))
        sequences = check_sequences(X)
        check_consistent_length(sequences, y)
        return sequences

    def _checked_fitted(self, X: Any) -> list[Any]:
        """Return the sequences of `X`, which must be of the kind that the estimator was fitted to."""
        check_is_fitted(self)
        sequences = check_sequences(X)
        given, fitted = type(sequences[0]), self._input_type
        if given is not fitted:
            kinds = {
                str: message("texts"),
                TextPair: message("pairs of texts"),
                np.ndarray: message("sequences of numbers"),
            }
            raise ValueError(
                message(
                    "X contains {given}, but the estimator was fitted to {fitted}",
                    given=kinds[given],
                    fitted=kinds[fitted],
                )
            )
        return sequences

    def _fit(self, sequences: list[Any], targets: list[Any]) -> Self:
        """Train on checked sequences and targets."""
        features = isinstance(sequences[0], np.ndarray)
        if features and len({sequence.shape[1] for sequence in sequences}) > 1:
            raise ValueError(message("the sequences of X have different numbers of features"))
        self._train(sequences, targets, features)
        self._input_type = type(sequences[0])
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.three_d_array = True
        return tags


def _reads_words(tokenizer: Any) -> bool:
    """Return whether a tokenizer, its name or its section, is `word`."""
    return bool(tokenizer == "word" or (isinstance(tokenizer, Mapping) and tokenizer.get("type") == "word"))
