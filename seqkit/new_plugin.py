"""A package to start a plugin from: written from `templates/`, where each kind of component has a small plugin."""

from __future__ import annotations

import importlib.util
import keyword
import re
import tempfile
from importlib import metadata, resources
from pathlib import Path

from seqkit.errors import UsageError
from seqkit.registry import Registry

FILES = (
    "README.md",
    "pyproject.toml",
    "recipes/placeholder.yaml",
    "seqkit_placeholder/__init__.py",
    "seqkit_placeholder/{kind}.py",
    "tests/test_placeholder.py",
)
DATA = {"head": ("recipes/sums.csv",), "reader": ("recipes/sentences.txt",)}
"""What recipes train on, beside the files that every kind has."""


def write_plugin(name: str, kind: str, into: Path, registry: Registry) -> Path:
    """Writes a package `seqkit-NAME` that installs, passes its tests and has a recipe that trains.

    Args:
        name: of the component; `seqkit-` may stand before it.
        kind: of the component.
        into: the folder in which the package's is made.
        registry: of what is installed, whose names are taken.

    Returns:
        The package's folder.

    Raises:
        UsageError: the name will not do or is taken, or the folder is there already or cannot be written.
    """
    name = name.removeprefix("seqkit-")
    _check(name, kind, registry)
    target = into / f"seqkit-{name}"
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target}: is there already: choose another name, or another folder with --into")
    texts = {_filled(file, name, kind): _filled(_template(file, kind), name, kind) for file in files(kind)}
    try:
        # What is there under its own name is whole: it is written beside, and then renamed.
        with tempfile.TemporaryDirectory(prefix=".new-plugin-", dir=into) as staging:
            staged = Path(staging) / target.name
            for file, text in texts.items():
                (staged / file).parent.mkdir(parents=True, exist_ok=True)
                (staged / file).write_text(text, encoding="utf-8", newline="\n")
            staged.rename(target)
    except FileNotFoundError:
        raise UsageError(f"--into {into}: there is no such folder") from None
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def files(kind: str) -> list[str]:
    """Returns the files of a kind's template."""
    return [file.format(kind=kind) for file in FILES] + list(DATA.get(kind, ()))


def _check(name: str, kind: str, registry: Registry) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or name in ("null", "true", "false"):  # which are YAML's
        raise UsageError(
            f"'{name}' is not a plugin's name: small letters, digits and hyphens between them, a letter first"
        )
    if name in registry.names(kind):
        provider = registry.get(kind, name).provider
        raise UsageError(f"{kind} '{name}' is provided by {provider} already: choose another name")
    try:
        version = metadata.version(f"seqkit-{name}")
    except metadata.PackageNotFoundError:
        if importlib.util.find_spec(f"seqkit_{name.replace('-', '_')}") is None:
            return
        raise UsageError(f"a module seqkit_{name.replace('-', '_')} is there already: choose another name") from None
    raise UsageError(f"seqkit-{name} {version} is installed already: choose another name")


def _template(file: str, kind: str) -> str:
    folder = resources.files("seqkit") / "templates"
    shared = folder / file
    return (shared if shared.is_file() else folder / kind / file).read_text(encoding="utf-8")


def _filled(text: str, name: str, kind: str) -> str:
    """Returns a template, or a file's path in it, with the plugin's name in place of `placeholder`."""
    text = re.sub(r"(?<=_)placeholder", name.replace("-", "_"), text)  # in a module's name
    return text.replace("Placeholder", _class_name(name, kind)).replace("placeholder", name)


def _class_name(name: str, kind: str) -> str:
    """Returns `BagOfWords` for `bag-of-words`, or `EncoderEncoder` for `encoder`, which the template needs itself."""
    cls = "".join(part.capitalize() for part in name.split("-"))
    template = _template(f"seqkit_placeholder/{kind}.py", kind)
    taken = keyword.iskeyword(cls) or re.search(rf"\b{cls}\b", template)
    return cls + kind.capitalize() if taken else cls
