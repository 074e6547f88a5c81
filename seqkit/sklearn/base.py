"""What the estimators share: the recipe, the run directory, and how a fitted estimator is pickled."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any, Self, TypeVar

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from seqkit.errors import suggest
from seqkit.inference.run import Run
from seqkit.messages import format_object, message
from seqkit.runs.directory import RunDirectory

Init = TypeVar("Init", bound=Callable[..., None])

NAME = "estimator"
"""The name of the run of an estimator."""

SET_BY_THE_ESTIMATOR = {
    "seed": "random_state",
    "name": "runs",
    "runs": "runs",
    "quiet": "verbose",
    "data": "X and y",
    "resume": "runs",
}
"""The arguments of `seqkit.run` that overrides cannot contain, and what determines them."""


def names_unknown_parameters(init: Init) -> Init:
    """Make a constructor name the class, and the nearest parameter, if it is called with an unknown one."""
    known = [name for name in signature(init).parameters if name != "self"]

    @wraps(init)
    def checked(self: Any, *arguments: Any, **parameters: Any) -> None:
        unknown = next((name for name in parameters if name not in known), None)
        if unknown is not None:
            raise TypeError(
                message(
                    "{cls} has no parameter '{name}'{hint}",
                    cls=type(self).__name__,
                    name=unknown,
                    hint=suggest(unknown, known),
                )
            )
        init(self, *arguments, **parameters)

    return checked  # type: ignore[return-value]  # with the signature of `init`


class TemporaryFolder:
    """A folder that is removed with this object, or when Python ends, but not by a process that was forked.

    Attributes:
        path: the folder.
    """

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="seqkit-"))
        weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


class SequenceEstimator(BaseEstimator):
    """The base of the estimators. Their parameters are described by each of them.

    A fitted estimator has its run in a temporary folder, which is removed with the estimator; or in `runs`, if given.
    A pickle contains the files of the run directory, which are JSON, YAML and safetensors, and no objects of torch.
    """

    recipe: Any
    overrides: Any
    epochs: Any
    batch_size: Any
    learning_rate: Any
    random_state: Any
    threads: Any
    runs: Any
    verbose: Any
    run_: Run

    def _sections(self, inputs: list[Any], features: bool) -> dict[str, Any]:
        """Return the recipe of the keyword parameters.

        Args:
            inputs: the inputs to train on.
            features: whether the inputs are sequences of numbers.
        """
        raise NotImplementedError

    def _train_section(self, clip_norm: float) -> dict[str, Any]:
        """Return how to train, by the parameters that all estimators have."""
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "optimizer": {"type": "adam", "lr": self.learning_rate},
            "clip_norm": clip_norm,
            "threads": self.threads,
        }

    def _train(self, inputs: list[Any], targets: list[Any], features: bool) -> Self:
        """Train a run on all examples, but for the validation split that the recipe asks for."""
        from seqkit.api import run

        split: Any = None
        overrides = self._checked_overrides()
        if self.recipe is None:
            source: Any = self._sections(inputs, features)
        else:
            self._check_defaults()
            source = self.recipe
            split = self._validation_split()
        temporary = None if self.runs is not None else TemporaryFolder()
        try:
            run_ = run(
                source,
                runs=temporary.path if temporary else self.runs,
                quiet=not self.verbose,
                data=(inputs, targets),
                name=NAME,
                seed=int(check_random_state(self.random_state).randint(2**31)),
                **(
                    {"baseline": "off", "predict": [], "generate": None, "data__test": None, "data__split": None}
                    | ({"data.split": split} if split else {})  # replaces the whole split
                    | overrides
                ),
            )
        except KeyboardInterrupt as interrupt:
            text = message("interrupted: nothing was saved, because `runs` is not set") if temporary else str(interrupt)
            raise KeyboardInterrupt(text) from None
        self._temporary, self.run_ = temporary, run_  # the folder of an earlier run is removed only now
        self.history_ = run_.metrics
        self.n_iter_ = max(int(row["epoch"]) for row in self.history_)
        return self

    def _checked_overrides(self) -> dict[str, Any]:
        """Return the overrides.

        Raises:
            ValueError: they are not a dictionary, or have a key that the estimator sets.
        """
        overrides = {} if self.overrides is None else self.overrides
        if not isinstance(overrides, Mapping) or not all(isinstance(key, str) for key in overrides):
            raise ValueError(
                message(
                    "overrides must be a dictionary, such as {{'encoder__hidden_size': 128}}, not {value}",
                    value=format_object(overrides),
                )
            )
        for key in overrides:
            if key in SET_BY_THE_ESTIMATOR:
                raise ValueError(
                    message(
                        "overrides: the estimator sets {key} itself: set {parameter} of the estimator instead",
                        key=key,
                        parameter=SET_BY_THE_ESTIMATOR[key],
                    )
                )
        return dict(overrides)

    def _validation_split(self) -> dict[str, Any] | None:
        """Return the split of the recipe without its test split: scikit-learn holds out test data itself."""
        from seqkit.recipe.source import read_recipe

        data = read_recipe(self.recipe).data.get("data")
        split = data.get("split") if isinstance(data, dict) else None
        if not isinstance(split, dict) or not split.get("valid"):
            return None
        return {key: split[key] for key in ("by", "valid") if key in split}

    def _check_defaults(self) -> None:
        """Check that no parameter is set that the recipe determines.

        Raises:
            ValueError: one is.
        """
        shared = {"recipe", "overrides", "random_state", "runs", "verbose"}
        defaults = type(self)().get_params(deep=False)
        for name, value in self.get_params(deep=False).items():
            if name not in shared and value != defaults[name]:
                raise ValueError(
                    message(
                        "{name} has no effect with a recipe: set it there, or in overrides, such as "
                        "overrides={{'encoder__hidden_size': 128}}",
                        name=name,
                    )
                )

    def _predictions(self, sequences: list[Any]) -> list[dict[str, Any]]:
        """Return the predictions of the run.

        Raises:
            NotFittedError: the estimator is not fitted.
            ValueError: a sequence is not of the kind that the estimator was fitted to.
        """
        check_is_fitted(self, "run_")
        return self.run_.predict(sequences)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "run_")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "run_" in state:
            state["run_"] = _read_files(state["run_"].path)
            state["_temporary"] = None
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        restored = dict(state)
        if "run_" in restored:
            temporary = TemporaryFolder()
            folder = temporary.path / NAME
            _write_files(folder, restored["run_"])
            restored |= {"run_": Run(RunDirectory(folder)), "_temporary": temporary}
        super().__setstate__(restored)


def _read_files(folder: Path) -> dict[str, bytes]:
    """Return the content of the files of a run directory by name, without its checkpoints.

    Raises:
        UsageError: it was removed.
    """
    RunDirectory.open(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a run directory.

    Raises:
        ValueError: a name is that of a file elsewhere, as in a pickle that was tampered with.
    """
    folder.mkdir()
    for name, content in files.items():
        if (
            not isinstance(content, bytes)
            or PurePosixPath(name).name != name
            or "\\" in name
            or name in ("", ".", "..")
        ):
            raise ValueError(message("invalid file in the pickle of an estimator: {name!r:.40}", name=name))
        (folder / name).write_bytes(content)
