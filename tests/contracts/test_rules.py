"""Each rule has a document, derived from the valid example, that is refused by that rule alone."""

from __future__ import annotations

import copy
import json

import pytest
from tests.fakes.contract_examples import example_paths, is_document, violations

from tallystick.artifacts.document_check import check_document
from tallystick.contracts.checking import findings, parse
from tallystick.contracts.contract import Contract, Rule
from tallystick.contracts.registry import contracts
from tallystick.contracts.tables import table_document

RULES = [(item, rule) for item in contracts() for rule in item.rules]


def case(contract: Contract, rule: Rule) -> object:
    return pytest.param(contract, rule, id=f"{contract.name}-{rule.name}", marks=[pytest.mark.clause(*rule.clauses)] if rule.clauses else [])


@pytest.mark.clause("D4.02", "D4.138")
@pytest.mark.parametrize(("contract", "rule"), [case(*item) for item in RULES])
def test_rule_alone_refuses_its_violation(contract: Contract, rule: Rule) -> None:
    mutate = violations().get((contract.name, rule.name))
    assert mutate is not None, f'Add ("{contract.name}", "{rule.name}") to VIOLATIONS in tests/contracts/violations/'
    data = example_paths(contract)[0].read_bytes()
    if contract.encoding == "csv":
        document = table_document(contract.shape, data)
    elif contract.encoding == "jsonl":
        document = json.loads(data.splitlines()[0])
    else:
        document = json.loads(data)
    broken = mutate(copy.deepcopy(document))
    assert json.dumps(broken) != json.dumps(document), "the violation does not change the example"
    assert [item.rule for item in findings(contract, parse(contract, broken))] == [rule.name]


def test_every_violation_names_a_rule() -> None:
    strangers = sorted(violations().keys() - {(item.name, rule.name) for item, rule in RULES})
    assert not strangers, f"Violations of rules that are not registered: {strangers}"


@pytest.mark.parametrize(
    "contract", [pytest.param(item, id=item.name) for item in contracts() if item.rules and is_document(item) and item.encoding == "rfc8785"]
)
def test_reading_reports_the_broken_rule_by_name(contract: Contract) -> None:
    from tallystick.artifacts.canonical import canonical_json

    rule = contract.rules[0]
    document = json.loads(example_paths(contract)[0].read_bytes())
    broken = violations()[contract.name, rule.name](copy.deepcopy(document))
    failures = check_document(contract, canonical_json(broken, contract.unsorted), "x.json").failures
    assert [item.rule for item in failures] == [rule.name]
    assert failures[0].expected == rule.says
