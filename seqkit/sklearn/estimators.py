"""Classification, regression and tagging of sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d

from seqkit.messages import message
from seqkit.sklearn.base import SequenceEstimator
from seqkit.sklearn.inputs import check_sequences, check_word_lists

_PARAMETERS = """
    Args:
        recipe: a recipe that determines everything but the data and the seed, a file or a dictionary. Its reader
            decides whether X contains texts or numbers. Its test split is left out; a validation split is taken from X.
        overrides: changes to the recipe, as `seqkit.run` takes them: `{"encoder__hidden_size": 128}`.
        tokenizer: the tokenizer of texts.
        embedding_dim: the size of the learned vector of a token.
        encoder: the encoder: its name, or a section of a recipe, which then has its own sizes.
        hidden_size: the size of the encoder's state.
        num_layers: its number of layers.
        pooling: what the head reads, as in the head `classify`.
        ngrams: the length of the longest n-grams of a linear model beside the encoder; 0 for none.
        dropout: the dropout probability of the embedding and of the head.
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


class _FromParameters(SequenceEstimator):
    """The parameters of a classifier or regressor, and the recipe of them."""

    def __init__(
        self,
        recipe: Any = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        tokenizer: str | Mapping[str, Any] = "char",
        embedding_dim: int = 64,
        encoder: str | Mapping[str, Any] = "bilstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        pooling: str | Sequence[str] = ("max", "attention"),
        ngrams: int = 0,
        dropout: float = 0.2,
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

    def _sections(self, features: bool) -> dict[str, Any]:
        sizes = {"hidden_size": self.hidden_size, "num_layers": self.num_layers}
        tokenizer = self.tokenizer
        # Texts to predict can have characters that the training texts lack.
        tokenizer = {"type": tokenizer, "unknown": "mark"} if tokenizer in ("char", "word") else tokenizer
        pooling = [self.pooling] if isinstance(self.pooling, str) else list(self.pooling)
        inputs: dict[str, Any] = {
            "data": "table",
            "tokenizer": tokenizer,
            "embedding": {"type": "learned", "dim": self.embedding_dim, "dropout": self.dropout},
        }
        if features:
            inputs = {"data": "sequences", "embedding": "scaled"}
        return inputs | {
            "data": {"type": inputs["data"]},
            "encoder": {"type": self.encoder} | sizes if isinstance(self.encoder, str) else self.encoder,
            "head": {"type": self._head_name(), "pooling": pooling, "dropout": self.dropout, "ngrams": self.ngrams},
            "train": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "optimizer": {"type": "adam", "lr": self.learning_rate},
                "clip_norm": 1.0,
                "threads": self.threads,
            },
        }

    def _checked_fitted(self, X: Any) -> list[Any]:
        """Return the sequences of `X`, which must be of the kind that the estimator was fitted to."""
        check_is_fitted(self)
        sequences = check_sequences(X)
        if self._reads_features == isinstance(sequences[0], str):
            kinds = (message("sequences of numbers"), message("texts"))
            raise ValueError(
                message(
                    "X contains {given}, but the estimator was fitted to {fitted}",
                    given=kinds[self._reads_features],
                    fitted=kinds[not self._reads_features],
                )
            )
        return sequences

    def _fit(self, sequences: list[Any], targets: list[Any]) -> Self:
        """Train on checked sequences and targets."""
        features = not isinstance(sequences[0], str)
        if len({sequence.shape[1] for sequence in sequences}) > 1 if features else False:
            raise ValueError(message("the sequences of X have different numbers of features"))
        self._train(sequences, targets, features)
        self._reads_features = features
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.three_d_array = True
        return tags


class SequenceClassifier(ClassifierMixin, _FromParameters):
    """Classification of texts, or of sequences of numbers, with any recipe of seqkit.

    `X` is a list, an array or a pandas Series of texts; or a list of arrays (time,) or (time, features), or an array
    (sequences, time) or (sequences, time, features). `y` is a label per sequence; or an indicator matrix (sequences,
    labels) of zeros and ones, for any number of labels per sequence, which `predict` then returns too.
    """

    __doc__ += _PARAMETERS + "        classes_: the labels, sorted.\n"

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new model.

        Args:
            X: the sequences.
            y: the labels, (sequences,) or (sequences, labels).

        Raises:
            ValueError: X or y is invalid.
            SeqkitError: the recipe is invalid.
        """
        if y is None:
            raise ValueError(message("requires y to be passed, but the target y is None"))
        sequences = check_sequences(X)
        check_consistent_length(sequences, y)
        check_classification_targets(y)
        self._is_multi_label = type_of_target(y) == "multilabel-indicator"
        if self._is_multi_label:
            matrix = np.asarray(y)
            self.classes_ = np.arange(matrix.shape[1])
            return self._fit(sequences, [[str(label) for label in np.flatnonzero(row)] for row in matrix])
        labels = column_or_1d(y, warn=True)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                message(
                    "This solver needs samples of at least 2 classes in the data, but the data contains only one "
                    "class: {label!r}",
                    label=self.classes_[0],
                )
            )
        names = self._names()
        return self._fit(sequences, [names[number] for number in numbers])

    def predict(self, X: Any) -> np.ndarray:
        """Return the label of each sequence, (sequences,); or an indicator matrix, if `fit` was given one."""
        predictions = self._predictions(self._checked_fitted(X))
        if self._is_multi_label:
            found = [[str(label) in item["labels"] for label in self.classes_] for item in predictions]
            return np.array(found, dtype=np.int64)
        numbers = {name: number for number, name in enumerate(self._names())}
        return self.classes_[[numbers[item["label"]] for item in predictions]]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each label, float (sequences, labels), in the order of `classes_`."""
        predictions = self._predictions(self._checked_fitted(X))
        names = self._names()
        return np.array([[item["probabilities"].get(name, 0.0) for name in names] for item in predictions])

    def _head_name(self) -> str:
        return "multi_label" if self._is_multi_label else "classify"

    def _names(self) -> list[str]:
        """Return the labels as seqkit reads them; their numbers, if texts would not tell them apart."""
        names = [str(label).strip() for label in self.classes_.tolist()]
        is_clear = len(set(names)) == len(names) and all(names)
        return names if is_clear else [str(number) for number in range(len(names))]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class SequenceRegressor(RegressorMixin, _FromParameters):
    """Regression of texts, or of sequences of numbers, with any recipe of seqkit.

    `X` is as in `SequenceClassifier`. `y` is a number per sequence, or several: (sequences,) or (sequences, numbers).
    """

    __doc__ += _PARAMETERS

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new model.

        Args:
            X: the sequences.
            y: the numbers, float (sequences,) or (sequences, numbers).

        Raises:
            ValueError: X or y is invalid.
            SeqkitError: the recipe is invalid.
        """
        if y is None:
            raise ValueError(message("requires y to be passed, but the target y is None"))
        sequences = check_sequences(X)
        check_consistent_length(sequences, y)
        numbers = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        self._is_column = numbers.ndim == 1
        return self._fit(sequences, numbers.tolist())

    def predict(self, X: Any) -> np.ndarray:
        """Return the number of each sequence, float (sequences,), or (sequences, numbers) if `y` had several."""
        values = np.array([item["value"] for item in self._predictions(self._checked_fitted(X))], dtype=np.float64)
        return values if self._is_column else values.reshape(len(values), -1)

    def _head_name(self) -> str:
        return "regress"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # of a table, whose columns become the time steps of a sequence
        return tags


class SequenceTagger(SequenceEstimator):
    """A tag for each word of a sentence, with a head of a plugin, such as `tag` and `crf` of seqkit-tagging.

    `X` is a list of sentences, each a list of words; `y` a list of lists of tags. `score` is the fraction of words that
    are tagged correctly.

    Args:
        recipe: a recipe as for `SequenceClassifier`; its reader must yield words. By default, seqkit-tagging is used.
        overrides: changes to the recipe.
        head: the head without a recipe: its name, or a section of a recipe.
        embedding_dim: the size of the learned vector of a word, beside which its characters are read.
        hidden_size: the size of the state of the encoder, a `bilstm`.
        dropout: the dropout probability of the embedding and of the head.
        epochs: the number of epochs.
        batch_size: the number of sentences of a batch.
        learning_rate: the learning rate of Adam.
        random_state: the seed; a generator; or None to use NumPy's.
        threads: CPU threads of training, as for `SequenceClassifier`.
        runs: the folder in which run directories are created; None for a temporary one.
        verbose: whether to print what `seqkit run` prints.

    Attributes:
        run_: the trained run, a `seqkit.Run`.
        history_: the rows of its metrics.jsonl, a list of dictionaries.
        n_iter_: the number of epochs trained.
        classes_: the tags, sorted.
    """

    def __init__(
        self,
        recipe: Any = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        head: str | Mapping[str, Any] = "tag",
        embedding_dim: int = 64,
        hidden_size: int = 64,
        dropout: float = 0.3,
        epochs: int = 10,
        batch_size: int = 16,
        learning_rate: float = 0.01,
        random_state: Any = None,
        threads: int | str = 1,
        runs: Any = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.overrides = overrides
        self.head = head
        self.embedding_dim = embedding_dim
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.threads = threads
        self.runs = runs
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new model.

        Args:
            X: the sentences.
            y: the tags of each.

        Raises:
            ValueError: X and y differ in length.
            SeqkitError: the recipe is invalid, or a sentence has more or fewer tags than words.
        """
        sentences, tags = check_word_lists(X), [[str(tag) for tag in each] for each in y]
        check_consistent_length(sentences, tags)
        self.classes_ = np.unique([tag for each in tags for tag in each])
        return self._train(sentences, tags, features=False)

    def predict(self, X: Any) -> list[list[str]]:
        """Return the tags of each sentence."""
        return [list(item["tags"]) for item in self._predictions(check_word_lists(X))]

    def score(self, X: Any, y: Any) -> float:
        """Return the fraction of words whose tag is predicted correctly."""
        pairs = zip(self.predict(X), y, strict=True)
        return float(
            np.mean([ours == theirs for found, true in pairs for ours, theirs in zip(found, true, strict=True)])
        )

    def _sections(self, features: bool) -> dict[str, Any]:
        return {
            "data": {"type": "conll"},
            "tokenizer": {"type": "words_and_characters"},
            "embedding": {
                "type": "words_and_characters",
                "word_dim": self.embedding_dim,
                "char_dim": 16,
                "characters": {"type": "char_cnn", "filters": 32},
                "dropout": self.dropout,
            },
            "encoder": {"type": "bilstm", "hidden_size": self.hidden_size},
            "head": ({"type": self.head} if isinstance(self.head, str) else dict(self.head))
            | {"dropout": self.dropout},
            "plugins": ["seqkit-tagging"],
            "train": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "optimizer": {"type": "adam", "lr": self.learning_rate},
                "clip_norm": 5.0,
                "threads": self.threads,
            },
        }
