"""The direction of imports inside seqkit, and the modules that may import a slow library when they are imported.

Imports inside functions and under `if TYPE_CHECKING:` count for the direction: a type that only a higher layer defines
is a dependency on that layer too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers.recipes import PROJECT

KINDS = ["readers", "tokenizers", "embeddings", "encoders", "heads", "optimizers", "schedules", "metrics", "tasks"]
LAYERS = [
    ["errors", "messages", "look_alikes", "stop", "strict_json", "terminal", "_version", "hookspecs", "contracts"],
    ["runs"],
    ["registry"],
    ["recipe"],
    ["layers"],
    KINDS,
    ["modeling"],
    ["data"],
    ["testing"],
    ["training"],
    ["reports", "drafting"],
    ["explain"],
    ["inference"],
    ["experiment"],
    ["compare"],
    ["api"],
    ["sklearn"],
    ["cli"],
    ["__main__", ""],
]
"""Modules and folders of seqkit, lowest layer first; "" is `seqkit/__init__.py`.

A module imports its own layer or lower ones, and a component kind only itself, `layers`, the lowest layer, and what is
public (`readers.files`).
"""
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}

TESTING_USERS = {"testing", "cli", ""}
"""Who may import `seqkit.testing`, which only needs to be below `training`."""

PUBLIC = {"seqkit", "seqkit.contracts", "seqkit.errors", "seqkit.testing", "seqkit.readers.files"}
"""What the templates of plugins may import from seqkit."""

EAGER: dict[str, list[str]] = {
    "torch": [
        "layers", "embeddings", "encoders", "heads", "optimizers", "modeling", "training", "testing",
        "data.batching", "explain.attribution", "inference.torch_engine", "compare.probe", "compare.widths",
    ],
    "pydantic": [],
    "sklearn": ["sklearn"],
}  # fmt: skip
"""For each library that is slow to import: the modules and folders that may import it at module level."""


class Import(NamedTuple):
    """One import statement: its line, the module it names, and whether it runs when its module is imported."""

    line: int
    target: str
    eager: bool


def is_type_checking(test: ast.expr) -> bool:
    """Return whether a condition is `TYPE_CHECKING` or `typing.TYPE_CHECKING`."""
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def walk(node: ast.AST, eager: bool = True) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yield every import statement below a node, with whether it runs when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, eager
        elif isinstance(child, ast.If) and is_type_checking(child.test):
            for part, runs in ((child.body, False), (child.orelse, eager)):
                yield from walk(ast.Module(part, []), runs)
        else:
            yield from walk(child, eager and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def imports_of(source: str, modules: Mapping[str, str]) -> list[Import]:
    """Return the imports of a module; `from package import module` names the module where `modules` has it."""
    found = []
    for node, eager in walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        else:
            assert node.level == 0 and node.module, f"line {node.lineno}: relative imports are not used in seqkit"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [name if name in modules else node.module for name in names]
        found += [Import(node.lineno, target, eager) for target in dict.fromkeys(targets)]
    return found


def part_of(module: str) -> str:
    """Return the file or folder of seqkit that a module is in: "data" for seqkit.data.splits, "" for seqkit."""
    return module.split(".")[1] if "." in module else ""


def upward_imports(modules: Mapping[str, str]) -> list[str]:
    """Return a message for each import that a module's layer may not make.

    Args:
        modules: The source of each module by its dotted name.
    """
    messages = []
    for module, source in modules.items():
        part = part_of(module)
        if part not in LEVEL:
            messages.append(f"{module} has no layer: add {part!r} to LAYERS")
            continue
        for line, target, _ in imports_of(source, modules):
            other = part_of(target)
            if target.partition(".")[0] != "seqkit" or other not in LEVEL:
                continue
            reason = ""
            if LEVEL[other] > LEVEL[part]:
                reason = f"{other or 'the package itself'} is a layer above {part}"
            elif part in KINDS and other in KINDS and other != part and target not in PUBLIC:
                reason = "one kind of component does not import another"
            elif part in KINDS and other != part and 0 < LEVEL[other] < LEVEL["layers"]:
                reason = "components import contracts, errors and layers only"
            elif other == "testing" and part not in TESTING_USERS:
                reason = f"only {', '.join(sorted(TESTING_USERS - {''}))} and the package itself import testing"
            if reason:
                messages.append(f"{module}:{line} imports {target}: {reason}")
    return messages


def circles(modules: Mapping[str, str]) -> list[str]:
    """Return a message for each group of modules that import each other, directly or through others."""
    graph = {
        module: {target for _, target, _ in imports_of(source, modules) if target in modules and target != module}
        for module, source in modules.items()
    }

    def path(start: str, end: str) -> list[str]:
        """Return the shortest chain of imports from one module to another, both included."""
        chains = [[start]]
        seen = {start}
        for chain in chains:
            for target in sorted(graph[chain[-1]]):
                if target == end:
                    return [*chain, end]
                if target not in seen:
                    seen.add(target)
                    chains.append([*chain, target])
        return []

    messages: list[str] = []
    in_circle: set[str] = set()
    for module in sorted(graph):
        chain = [] if module in in_circle else path(module, module)
        if chain:
            in_circle.update(chain)
            messages.append(" -> ".join(chain))
    return messages


def eager_imports(modules: Mapping[str, str]) -> list[str]:
    """Return a message for each slow library that is imported at module level outside its table in `EAGER`."""
    messages = []
    for module, source in modules.items():
        for line, target, eager in imports_of(source, modules):
            library = target.partition(".")[0]
            allowed = [f"seqkit.{place}" for place in EAGER.get(library, [])]
            if library in EAGER and eager and not any(f"{module}.".startswith(f"{place}.") for place in allowed):
                messages.append(f"{module}:{line} imports {library} at module level: import it where it is used")
    return messages


def private_imports(files: Mapping[str, str]) -> list[str]:
    """Return a message for each import of a template that is not public in seqkit."""
    return [
        f"{name}:{line} imports {target}: templates use {', '.join(sorted(PUBLIC))}"
        for name, source in files.items()
        for line, target, _ in imports_of(source, dict.fromkeys(PUBLIC, ""))
        if target.partition(".")[0] == "seqkit" and target not in PUBLIC
    ]


def read_modules(package: Path) -> dict[str, str]:
    """Return the source of every module of a package by its dotted name, without the templates."""
    modules = {}
    for file in sorted(package.rglob("*.py")):
        names = file.relative_to(package.parent).with_suffix("").parts
        if names[1] != "templates":
            modules[".".join(names).removesuffix(".__init__")] = file.read_text(encoding="utf-8")
    return modules


SEQKIT = read_modules(PROJECT / "seqkit")
TEMPLATES = {
    str(file.relative_to(PROJECT)): file.read_text(encoding="utf-8")
    for file in sorted((PROJECT / "seqkit" / "templates").rglob("*.py"))
}


def test_no_module_imports_a_higher_layer() -> None:
    assert not (found := upward_imports(SEQKIT)), "\n".join(found)


def test_no_modules_import_each_other() -> None:
    assert not (found := circles(SEQKIT)), "\n".join(found)


def test_slow_libraries_are_imported_where_they_are_used() -> None:
    assert not (found := eager_imports(SEQKIT)), "\n".join(found)


def test_templates_use_the_public_package() -> None:
    assert TEMPLATES
    assert not (found := private_imports(TEMPLATES)), "\n".join(found)


# The checks themselves


@pytest.mark.parametrize(
    ("module", "source", "message"),
    [
        ("seqkit.runs.files", "import seqkit.data", "seqkit.runs.files:1 imports seqkit.data: data is a layer above"),
        ("seqkit.data.splits", "def f():\n    import seqkit.training", "seqkit.data.splits:2 imports seqkit.training"),
        (
            "seqkit.errors",
            "if TYPE_CHECKING:\n    from seqkit import api",
            "errors:2 imports seqkit.api: api is a lay",
        ),
        ("seqkit.api", "from seqkit import __version__", "imports seqkit: the package itself is a layer above api"),
        ("seqkit.heads.x", "import seqkit.encoders.lstm", "imports seqkit.encoders.lstm: one kind of component does"),
        ("seqkit.heads.x", "import seqkit.recipe.schema", "components import contracts, errors and layers only"),
        ("seqkit.testing.checks", "import seqkit.training.optim", "training is a layer above testing"),
        ("seqkit.training.optim", "import seqkit.testing", "only cli, testing and the package itself import testing"),
        ("seqkit.new.x", "", "seqkit.new.x has no layer: add 'new' to LAYERS"),
    ],
)
def test_an_import_of_a_higher_layer_is_found(module: str, source: str, message: str) -> None:
    (found,) = upward_imports({"seqkit.api": ""} | {module: source})
    assert message in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("seqkit.heads.classify", "import seqkit.heads.metrics, seqkit.layers.parallel, seqkit.errors"),
        ("seqkit.training.optim", "from seqkit.training import trainer\nimport seqkit_other, torch, numpy as np"),
        ("seqkit", "def f():\n    from seqkit.cli import main"),
    ],
)
def test_an_import_of_a_lower_layer_is_allowed(module: str, source: str) -> None:
    assert upward_imports({module: source}) == []


def test_a_circle_is_found_and_printed_once() -> None:
    modules = {
        "seqkit.data.a": "def f():\n    from seqkit.data import b",
        "seqkit.data.b": "import seqkit.data.c",
        "seqkit.data.c": "from seqkit.data.a import x",
        "seqkit.data.d": "import seqkit.data.a",
    }
    assert circles(modules) == ["seqkit.data.a -> seqkit.data.b -> seqkit.data.c -> seqkit.data.a"]
    assert circles(modules | {"seqkit.data.c": ""}) == []


@pytest.mark.parametrize(
    ("module", "source", "count"),
    [
        ("seqkit.cli.group", "import torch.nn as nn", 1),
        ("seqkit.heads_new", "import torch", 1),
        ("seqkit.data.splits", "try:\n    import pydantic\nexcept ImportError:\n    from sklearn import metrics", 2),
        ("seqkit.cli.group", "class A:\n    from torch import nn", 1),
        ("seqkit.cli.group", "if TYPE_CHECKING:\n    import torch\nelse:\n    import sklearn", 1),
        ("seqkit.cli.group", "def f():\n    import torch\n    class A:\n        import sklearn", 0),
        ("seqkit.heads.classify", "import torch", 0),
        ("seqkit.recipe.schema", "from pydantic import Field", 1),
    ],
)
def test_a_slow_library_at_module_level_is_found(module: str, source: str, count: int) -> None:
    assert len(eager_imports({module: source})) == count


def test_a_template_that_uses_what_is_not_public_is_found() -> None:
    source = (
        "import seqkit\nfrom seqkit import contracts\nfrom seqkit.contracts import Row\nfrom seqkit.data import splits"
    )
    (found,) = private_imports({"templates/encoder/encoder.py": source})
    assert found.startswith(
        "templates/encoder/encoder.py:4 imports seqkit.data: templates use seqkit, seqkit.contracts,"
    )
