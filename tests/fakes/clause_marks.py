"""Which test shows which clause, read from the source of the tests without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.fakes.source_tree import dotted, python_files

from tallystick.contracts.registry import contracts

# Cases of these tests carry the clauses of the contract or rule that they check.
EXAMPLES = "tests/contracts/test_examples.py::test_example_parses_strictly_and_keeps_every_rule"
RULES = "tests/contracts/test_rules.py::test_rule_alone_refuses_its_violation"


def clause_marks() -> dict[str, set[str]]:
    """Clause → tests, from the marks in the source and from the registry."""
    found: dict[str, set[str]] = {}
    for item in python_files("tests"):
        shared = [name for node in item.tree.body if isinstance(node, ast.Assign) and _is_pytestmark(node) for name in _clauses([node.value])]
        for name, clauses in _tests(item.tree.body, "", shared):
            for clause in clauses:
                found.setdefault(clause, set()).add(f"{item.path}::{name}")
    for contract in contracts():
        if contract.shape is not None:
            for clause in (*contract.clauses, *(clause for rule in contract.rules for clause in rule.clauses)):
                found.setdefault(clause, set()).add(EXAMPLES)
        for rule in contract.rules:
            for clause in rule.clauses:
                found.setdefault(clause, set()).add(RULES)
    return found


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)


def _clauses(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and dotted(call.func) == "pytest.mark.clause":
                yield from (argument.value for argument in call.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str))


def _tests(body: list[ast.stmt], prefix: str, inherited: list[str]) -> Iterator[tuple[str, list[str]]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            own = [name for inner in node.body if isinstance(inner, ast.Assign) and _is_pytestmark(inner) for name in _clauses([inner.value])]
            yield from _tests(node.body, f"{prefix}{node.name}::", [*inherited, *own, *_clauses(node.decorator_list)])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield f"{prefix}{node.name}", [*inherited, *_clauses(node.decorator_list)]
