"""The house rules for code, held against every module of the package."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from dwell.sources.pages import HEADINGS, sections
from dwell.sources.registry import SOURCES
from dwell.sources.source import Source

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "dwell"
PROJECT = PACKAGE.parent.parent
LINES_MAX = 600
NAMELESS = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc"})
"""Module names that tell nothing."""
OBLIGATORY = tuple(head for head in HEADINGS if head != "Raises")

type_of_def = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def modules(folder: Path) -> list[Path]:
    """Give every Python file below a folder, sorted."""
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def definitions(tree: ast.Module) -> Iterator[tuple[str, type_of_def]]:
    """Yield every function, class and method that is not inside a function, with its dotted name."""
    waiting: list[tuple[str, ast.Module | ast.ClassDef]] = [("", tree)]
    while waiting:
        prefix, owner = waiting.pop()
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield prefix + node.name, node
                if isinstance(node, ast.ClassDef):
                    waiting.append((f"{prefix}{node.name}.", node))


def is_public(name: str) -> bool:
    """Say whether no part of a dotted name starts with an underscore."""
    return not any(part.startswith("_") for part in name.split("."))


def is_overload(node: type_of_def) -> bool:
    """Say whether a definition is one signature of several, the docstring being on the last."""
    return any("overload" in ast.unparse(one) or ".setter" in ast.unparse(one) for one in node.decorator_list)


def unannotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Give the names of arguments without annotation, and `return` where that is missing."""
    slots = node.args
    every = [*slots.posonlyargs, *slots.args, *slots.kwonlyargs, *filter(None, (slots.vararg, slots.kwarg))]
    bare = [one.arg for one in every if one.annotation is None and one.arg not in {"self", "cls"}]
    return [*bare, "return"] if node.returns is None else bare


@pytest.mark.parametrize("path", modules(PACKAGE), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_module_keeps_the_house_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    faults = []
    if text.count("\n") > LINES_MAX:
        faults.append(f"longer than {LINES_MAX} lines: cut it where it has two subjects")
    if path.stem in NAMELESS:
        faults.append("the module's name says nothing of what is in it")
    if not ast.get_docstring(tree):
        faults.append("module without a docstring")
    for name, node in definitions(tree):
        if is_public(name) and not is_overload(node) and not ast.get_docstring(node):
            faults.append(f"line {node.lineno}: {name} has no docstring")
    faults += [
        f"line {one.lineno}: {one.name} has no annotation for {', '.join(bare)}"
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and (bare := unannotated(one))
    ]
    assert not faults, "\n".join(faults)


CODES = frozenset({"account", "mailbox", "network", "agent", "protocol"})
"""Columns of sessions that are codes of 32 bits."""


def codes_multiplied(tree: ast.AST) -> list[int]:
    """Give the lines in which codes of sessions are multiplied as they are, which wraps around without a word."""

    def is_code(node: ast.expr, known: frozenset[str]) -> bool:
        while isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name):
            return node.id in known
        return isinstance(node, ast.Attribute) and node.attr in CODES and "accesses" in ast.unparse(node.value)

    found = set()
    for function in [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]:
        known: frozenset[str] = frozenset()
        for one in ast.walk(function):
            if isinstance(one, ast.Assign) and len(one.targets) == 1:
                names, values = (
                    list(side.elts) if isinstance(side, ast.Tuple) else [side] for side in (one.targets[0], one.value)
                )
                pairs = zip(names, values, strict=False) if len(names) == len(values) else iter(())
                known |= {name.id for name, value in pairs if isinstance(name, ast.Name) and is_code(value, known)}
        found |= {
            one.lineno
            for one in ast.walk(function)
            if isinstance(one, ast.BinOp)
            and isinstance(one.op, ast.Mult | ast.LShift)
            and (is_code(one.left, known) or is_code(one.right, known))
        }
    return sorted(found)


@pytest.mark.parametrize("path", modules(PACKAGE), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_codes_of_sessions_are_put_together_in_64_bits(path: Path) -> None:
    lines = codes_multiplied(ast.parse(path.read_text(encoding="utf-8")))
    assert not lines, f"lines {lines}: use rollup.fold.paired, or group"


@pytest.mark.parametrize(
    "text",
    [
        "own = accesses.network * tall + accesses.agent",
        "own = tall * case.accesses.account[rows]",
        "account, day = accesses.account[rows], accesses.first[rows]\n    key = account * wide + day",
        "account = accesses.account\n    key = account[rows] << 32",
    ],
)
def test_codes_that_are_multiplied_are_found(text: str) -> None:
    assert codes_multiplied(ast.parse(f"def made():\n    {text}"))
    assert not codes_multiplied(ast.parse("def made():\n    day = accesses.first[rows]\n    key = day * wide"))


@pytest.mark.parametrize("folder", ["tests", "docs", "benchmarks", "fuzz"])
def test_code_outside_the_package_is_annotated_and_short(folder: str) -> None:
    faults = []
    for path in modules(PROJECT / folder):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > LINES_MAX:
            faults.append(f"{path.name}: longer than {LINES_MAX} lines")
        faults += [
            f"{path.name}:{node.lineno}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and unannotated(node)
        ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.key)
def test_source_says_what_its_records_mean(source: Source) -> None:
    module = inspect.getmodule(type(source))
    assert module is not None
    found = sections(module.__doc__ or "")
    missing = [head for head in OBLIGATORY if not found.get(head)]
    assert not missing, f"{module.__name__} does not say: {', '.join(missing)}"


def test_sources_have_keys_of_their_own() -> None:
    keys = [source.key for source in SOURCES]
    assert len(keys) == len(set(keys))


def test_a_field_name_means_one_type_in_every_source() -> None:
    seen: dict[str, dict[str, list[str]]] = {}
    for source in SOURCES:
        for field in source.schema:
            seen.setdefault(field.name, {}).setdefault(_plain(str(field.type)), []).append(source.key)
    torn = {name: kinds for name, kinds in seen.items() if len(kinds) > 1 and not name[0].isupper()}
    assert not torn


def _plain(kind: str) -> str:
    """Give an Arrow type as text, with a dictionary of texts taken for the texts it holds."""
    return "string" if kind.startswith("dictionary<values=string") else kind
