"""Capability flags: what a class states about its methods, reset in a subclass that overrides one of them.

A flag such as `Encoder.accepts_ids` describes `forward`. A subclass that inherits the flag and overrides `forward` may
no longer do what the flag states, so the flag is reset to the contract's default unless the subclass declares it again:

    class Scaled(LSTM):  # accepts_ids is False here, and forward receives vectors
        def forward(self, inputs, lengths, state=None):
            return super().forward(2 * inputs, lengths, state)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from seqkit.errors import PluginError
from seqkit.messages import message

T = TypeVar("T")


class Contract:
    """Base class of the contracts.

    Attributes:
        capabilities: for each flag (an attribute, a property or a method) the methods that it describes.
        renamed: for each name that an earlier version of the contract used, the name that replaced it.
    """

    capabilities: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    renamed: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Reset the flags whose methods the new class overrides.

        What counts is the order in which Python looks names up: a flag is reset if a method that it describes is found
        in a class before the one that declares the flag. A mixin that overrides the method therefore counts too.

        Raises:
            PluginError: the class defines a name that was renamed, which would otherwise be ignored.
        """
        super().__init_subclass__(**arguments)
        for old, new in cls.renamed.items():
            if hasattr(cls, old):
                raise PluginError(_renamed(cls, old, new))
        for place, contract in enumerate(cls.__mro__):
            for flag, methods in vars(contract).get("capabilities", {}).items():
                declared = _place(cls, flag)
                if declared < place and any(_place(cls, method) < declared for method in methods):
                    setattr(cls, flag, vars(contract)[flag])


def check_declared(component: Contract) -> None:
    """Check what a component's constructor assigned to the instance.

    Raises:
        PluginError: a flag, where overriding a method in a subclass could not reset it; or a name that was renamed.
    """
    cls, assigned = type(component), getattr(component, "__dict__", {})
    for old, new in cls.renamed.items():
        if old in assigned:
            raise PluginError(_renamed(cls, old, new))
    for flag in cls.capabilities:
        if flag in assigned:
            raise PluginError(
                message(
                    "{name} assigns {flag} to the instance: make it a class attribute or a property",
                    name=class_name(cls),
                    flag=flag,
                )
            )


def call_with_accepted(method: Callable[..., T], *arguments: Any, **optional: Any) -> T:
    """Call a method with those of the optional keyword arguments that it takes, so that a contract can add arguments.

    Args:
        method: a method of a component.
        arguments: the arguments that every implementation takes.
        optional: the arguments that an implementation may take.
    """
    return method(*arguments, **accepted_by(method, **optional))


def accepted_by(method: Callable[..., Any], **optional: Any) -> dict[str, Any]:
    """Return those of the optional keyword arguments that a method takes."""
    parameters = inspect.signature(method).parameters.values()
    names = {each.name for each in parameters}
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
    return {name: value for name, value in optional.items() if takes_all or name in names}


def _place(cls: type, name: str) -> int:
    """Return the position, in the method resolution order of a class, of the class that defines a name."""
    return next(place for place, base in enumerate(cls.__mro__) if name in vars(base))


def _renamed(cls: type, old: str, new: str) -> str:
    return message("{name}.{old} is now called {new}: rename it", name=class_name(cls), old=old, new=new)


def class_name(cls: type) -> str:
    """Return the module and the name of a class, for messages to its author."""
    return f"{cls.__module__}.{cls.__qualname__}"
