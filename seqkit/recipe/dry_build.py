"""Components built from their parameters alone, before there is data, so that their constructors check the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqkit.errors import DataError, PluginError
from seqkit.messages import message
from seqkit.recipe.no_compiler import meta_device, no_compiler_for_optimizers
from seqkit.recipe.plan import BuildError, Spec

if TYPE_CHECKING:
    from torch.nn import Parameter

    from seqkit.contracts import Embedding, Encoder, Head, Metric, Reader, Schedule


@dataclass(frozen=True)
class DryBuild:
    """Components built from their parameters alone; None for one that could not be built.

    Attributes:
        reader: the reader.
        encoder: with an input size of 1.
        head: before `Head.build`.
        schedule: the schedule.
        metrics: the metrics of the recipe, each with its specification, without those that could not be built.
        not_causal: the innermost encoder that makes the encoder not causal; None if it is causal.
    """

    reader: Reader | None
    encoder: Encoder | None
    head: Head | None
    schedule: Schedule | None
    metrics: list[tuple[Spec, Metric]]
    not_causal: Spec | None


def dry_build(spec: Spec, *supplied: Any) -> Any:
    """Build a component without memory for its weights and without random numbers, if the component allows it.

    Args:
        spec: the component.
        supplied: the arguments before the `*` of its constructor.

    Raises:
        BuildError: the constructor rejected a value, or a size is too large for memory.
        PluginError: the constructor failed in any other way.
    """
    import torch

    with torch.random.fork_rng(devices=[]), no_compiler_for_optimizers():
        try:
            with meta_device():
                return spec.build(*supplied)
        except (BuildError, DataError):  # a DataError: the model is larger than its weights (`modeling.size_limit`)
            raise
        except Exception as error:
            if "meta" not in str(error):
                _check_sizes(spec, error)
        try:
            return spec.build(*supplied)  # the constructor computes with its weights, so it needs memory for them
        except (BuildError, DataError):
            raise
        except Exception as error:
            if isinstance(error, MemoryError) or "memory" in str(error):
                _check_sizes(spec, error)
            raise PluginError(
                message(
                    "{kind} '{name}' of {provider} cannot be built: {type}: {error}",
                    kind=spec.registered.kind,
                    name=spec.name,
                    provider=spec.registered.provider,
                    type=type(error).__name__,
                    error=error,
                )
            ) from error


def one_weight() -> Parameter:
    """Return a parameter to build an optimizer with. It has memory: fused optimizers do not accept one without."""
    import torch

    return torch.nn.Parameter(torch.zeros(1, 1))


def innermost_not_causal(spec: Spec, component: Encoder | Embedding, source: Any) -> Spec | None:
    """Return the innermost encoder or embedding that makes one not causal; None if it is causal.

    Args:
        spec: the encoder or embedding.
        component: the same, built.
        source: what those in it are built from: a size for encoders, the tokenizer for embeddings.
    """
    if component.causal:
        return None
    for inner in spec.nested():
        if inner.registered.kind != spec.registered.kind:
            continue
        try:
            built = dry_build(inner, source)
        except (BuildError, PluginError):  # it depends on the size of its input
            continue
        if found := innermost_not_causal(inner, built, source):
            return found
    return spec


def _check_sizes(spec: Spec, error: Exception) -> None:
    """Raise BuildError if a component failed with an integer parameter that no memory is large enough for."""
    integers = [
        ((*inner.path, name), value)
        for inner in spec.walk()
        for name, value in inner.values.items()
        if isinstance(value, int)
    ]
    path, largest = max(integers, key=lambda item: item[1], default=((), 0))
    if largest > 10_000_000:
        raise BuildError(path, message("is too large for memory: {size:,}", size=largest)) from error
