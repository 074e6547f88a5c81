"""Create a plugin package from `templates/`, which contains a small plugin for each kind of component."""

from __future__ import annotations

import importlib.util
import keyword
import re
import tempfile
from importlib import metadata, resources
from pathlib import Path

from seqkit.errors import UsageError, describe_os_error
from seqkit.messages import message
from seqkit.registry.registry import Registry

FILES = (
    "README.md",
    "pyproject.toml",
    "recipes/placeholder.yaml",
    "seqkit_placeholder/__init__.py",
    "seqkit_placeholder/{kind}.py",
    "tests/test_placeholder.py",
)
MORE_FILES = {
    "head": ("recipes/sums.csv",),
    "metric": ("recipes/moods.csv",),
    "reader": ("recipes/sentences.txt", "seqkit_placeholder/checks.py"),
}
"""The files of single kinds, in addition to `FILES`: data of the example recipe, and the sample file of a reader."""


def write_plugin(name: str, kind: str, into: Path, registry: Registry) -> Path:
    """Write a package `seqkit-NAME` that installs, passes its tests and has a recipe that trains.

    Args:
        name: the name of the component, with or without `seqkit-`.
        kind: the kind of the component.
        into: the folder in which the package's folder is created.
        registry: the installed components, whose names are taken.

    Returns:
        The folder of the package.

    Raises:
        UsageError: the name is invalid or taken, or the folder exists or cannot be written.
    """
    name = name.removeprefix("seqkit-")
    _check_name(name, kind, registry)
    target = into / f"seqkit-{name}"
    if target.exists() or target.is_symlink():
        raise UsageError(message("{folder} exists: choose another name, or another folder with --into", folder=target))
    texts = {_fill(file, name, kind): _fill(_template(file, kind), name, kind) for file in template_files(kind)}
    try:
        # Written under a temporary name and then renamed, so that a folder of the final name is complete.
        with tempfile.TemporaryDirectory(prefix=".new-plugin-", dir=into) as staging:
            staged = Path(staging) / target.name
            for file, text in texts.items():
                (staged / file).parent.mkdir(parents=True, exist_ok=True)
                (staged / file).write_text(text, encoding="utf-8", newline="\n")
            staged.rename(target)
    except FileNotFoundError:
        raise UsageError(message("--into {folder}: no such folder: create it first", folder=into)) from None
    except OSError as error:
        raise UsageError(
            message("{folder}: cannot be written: {reason}", folder=target, reason=describe_os_error(error))
        ) from None
    return target


def template_files(kind: str) -> list[str]:
    """Return the files of the template of a kind."""
    return [file.format(kind=kind) for file in FILES] + list(MORE_FILES.get(kind, ()))


def _check_name(name: str, kind: str, registry: Registry) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or name in ("null", "true", "false"):  # YAML's own words
        raise UsageError(
            message(
                "'{name}' is not a valid name: use lower-case letters, digits and hyphens, a letter first", name=name
            )
        )
    if name in registry.names(kind):
        provider = registry.get(kind, name).provider
        raise UsageError(
            message(
                "{kind} '{name}' is already provided by {provider}: choose another name",
                kind=kind,
                name=name,
                provider=provider,
            )
        )
    distribution, module = f"seqkit-{name}", f"seqkit_{name.replace('-', '_')}"
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        if importlib.util.find_spec(module) is None:
            return
        raise UsageError(message("the module {module} exists: choose another name", module=module)) from None
    raise UsageError(
        message(
            "{distribution} {version} is already installed: choose another name",
            distribution=distribution,
            version=version,
        )
    )


def _template(file: str, kind: str) -> str:
    folder = resources.files("seqkit") / "templates"
    shared = folder / file
    return (shared if shared.is_file() else folder / kind / file).read_text(encoding="utf-8")


def _fill(text: str, name: str, kind: str) -> str:
    """Replace `placeholder` in a template, or in the path of one of its files, by the name of the plugin."""
    text = re.sub(r"(?<=_)placeholder", name.replace("-", "_"), text)  # in the name of a module
    return text.replace("Placeholder", _class_name(name, kind)).replace("placeholder", name)


def _class_name(name: str, kind: str) -> str:
    """Return the class name of a component: `BagOfWords` for `bag-of-words`.

    A name that the template already uses is extended by the kind: `EncoderEncoder` for `encoder`.
    """
    cls = "".join(part.capitalize() for part in name.split("-"))
    template = _template(f"seqkit_placeholder/{kind}.py", kind)
    is_taken = keyword.iskeyword(cls) or re.search(rf"\b{cls}\b", template)
    return cls + kind.capitalize() if is_taken else cls
