"""The registry: one producer, named consumers, fields that exist, paths that do not collide."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from tests.fakes.source_tree import ROOMS, ROOT

from tallystick.artifacts.cross_checks import CROSS_CHECKS
from tallystick.contracts import path_patterns
from tallystick.contracts.contract import Contract
from tallystick.contracts.export import contract_schema, schema_file_name
from tallystick.contracts.registry import CONTRACT_SET_VERSION, contracts, match
from tallystick.contracts.schema_fields import inline, schema_fields
from tallystick.contracts.set_history import SET_HISTORY

EACH = [pytest.param(item, id=item.name) for item in contracts()]
_PART = re.compile(r"\{([a-z_]+)\*?\}")


@pytest.mark.clause("D1.01", "D4.01", "D4.128")
@pytest.mark.parametrize("contract", EACH)
def test_contract_has_one_producer_and_named_consumers(contract: Contract) -> None:
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", contract.producer), contract.producer
    assert contract.producer.split(".")[0] in (*ROOMS, "outside")
    assert contract.consumers, "a contract that nobody reads is no contract"
    modules = [item.module for item in contract.consumers]
    assert len(modules) == len(set(modules)), "each consumer once, with all that it reads"
    for consumer in contract.consumers:
        assert consumer.module.split(".")[0] in (*ROOMS, "outside"), consumer.module
        assert consumer.reads, f"{consumer.module} reads nothing"
        assert consumer.purpose


@pytest.mark.parametrize("contract", EACH)
def test_contract_says_what_it_is(contract: Contract) -> None:
    assert re.fullmatch(r"[a-z_]+\.[A-Za-z0-9_]+", contract.name)
    assert re.fullmatch(r"\d+\.\d+", contract.version)
    assert contract.purpose
    assert len({rule.name for rule in contract.rules}) == len(contract.rules)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", rule.name) and rule.says for rule in contract.rules)
    assert contract.encoding != "memory" or not contract.paths, "a message has no path"


@pytest.mark.clause("D1.39")
@pytest.mark.parametrize("contract", [pytest.param(item, id=item.name) for item in contracts() if item.shape is not None])
def test_fields_that_are_named_exist_in_the_shape(contract: Contract) -> None:
    fields = [re.sub(r"\|[^.]*", "", path) for path in schema_fields(inline(contract_schema(contract)))]
    # What is inside a list is named without its number, or with `*` for it.
    paths = {re.sub(r"\[\d*\]", mark, path) for path in fields for mark in ("", ".*")}
    rows = {path.removeprefix("rows.") for path in paths} if contract.encoding == "csv" else set()
    reads = {read for consumer in contract.consumers for read in consumer.reads if read != "*"}
    for read in sorted(reads | set(contract.deprecated_fields) | set(contract.wall_clock) | set(contract.unsorted)):
        name = read.removesuffix(".*").removesuffix(".keys()")
        inside_open_map = any(name.startswith(f"{open_map}.") for open_map in contract.open_maps)
        assert name in paths | rows or inside_open_map, f"{contract.name}: {read} is no field of its shape"
    for open_map in contract.open_maps:
        assert open_map.removesuffix(".*") in paths, f"{contract.name}: open map {open_map} is no field of its shape"


@pytest.mark.clause("D1.01")
def test_no_two_artifacts_share_a_path() -> None:
    patterns = [(item.name, pattern) for item in contracts() for pattern in item.paths]
    collisions = []
    for (name, pattern), (other, another) in combinations(patterns, 2):
        sample = path_patterns.fill(pattern, dict.fromkeys(_PART.findall(pattern), "x"))
        mirror = path_patterns.fill(another, dict.fromkeys(_PART.findall(another), "x"))
        # A folder for free supplements may hold named artifacts too: the exact pattern wins, as the next test proves.
        if (
            name != other
            and ("*}" in pattern) == ("*}" in another)
            and (path_patterns.match(another, sample) is not None or path_patterns.match(pattern, mirror) is not None)
        ):
            collisions.append(f"{name} {pattern} = {other} {another}")
    assert not collisions, "Give each artifact its own place:\n  " + "\n  ".join(collisions)


def test_a_path_leads_back_to_its_contract() -> None:
    for item in contracts():
        for pattern in item.paths:
            parts = {part: f"the-{part}" for part in _PART.findall(pattern)}
            found = match(path_patterns.fill(pattern, parts))
            assert found is not None
            assert (found[0].name, found[1]) == (item.name, parts)


def test_schema_files_have_names_of_their_own() -> None:
    names = [schema_file_name(item).lower() for item in contracts()]
    assert len(names) == len(set(names))


def test_cross_checks_belong_to_registered_contracts() -> None:
    assert set(CROSS_CHECKS) <= {item.name for item in contracts()}


@pytest.mark.clause("D1.71", "D2.54")
def test_contract_set_carries_a_dated_history() -> None:
    versions = [version for version, _, _ in SET_HISTORY]
    assert versions[:5] == ["1.0", "1.1", "1.2", "1.3", "1.4"]
    assert versions[-1] == CONTRACT_SET_VERSION
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", date) for _, date, _ in SET_HISTORY)
    assert [date for _, date, _ in SET_HISTORY] == sorted(date for _, date, _ in SET_HISTORY)


def test_clauses_that_contracts_show_exist() -> None:
    known = {line.split(",")[0] for line in (ROOT / "tests" / "conformance" / "clauses.csv").read_text(encoding="utf-8").splitlines()[1:]}
    used = {clause for item in contracts() for clause in (*item.clauses, *(clause for rule in item.rules for clause in rule.clauses))}
    assert used <= known, f"no such clause: {sorted(used - known)}"


@pytest.mark.clause("D1.08", "D1.40", "D1.50", "D1.57", "D1.65", "D1.70")
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("manifest.json", "training.manifest"),
        ("globals/routing_decisions.json", "training.routing_decisions"),
        ("targets/ret_5m/decision/routing_decision.json", "training.routing_decisions"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/routing_decision.json", "training.routing_decisions"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/family=LightGBM/model_meta.json", "training.model_meta"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/family=LightGBM/model.txt", "training.model_file"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/family=Ridge/model.joblib", "training.model_file"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/family=Ridge/scaler.joblib", "training.model_side_file"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/family=Ridge/imputer.joblib", "training.model_side_file"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/family=LightGBM/fingerprints.json", "training.fingerprints"),
        ("targets/ret_5m/models/view=CROSS_SECTIONAL/family=LightGBM/reproducibility.json", "training.reproducibility"),
        ("targets/ret_5m/models/view=SYMBOL_SPECIFIC/symbol=BTCUSDT/family=LightGBM/model.txt", "training.model_file"),
    ],
)
def test_tree_of_a_training_run_is_the_path_convention(path: str, name: str) -> None:
    found = match(f"RESULTS/runs/run-1/20250101T000000Z/{path}")
    assert found is not None
    assert found[0].name == name
    for key, value in (("view", "CROSS_SECTIONAL"), ("target", "ret_5m")):
        assert found[1].get(key, value) == value


@pytest.mark.clause("D3.01", "D3.02", "D3.03", "D3.04")
def test_roots_of_runs_sessions_and_model_runs_are_apart() -> None:
    roots = {"runs": "outputs/runs/", "paper_sessions": "outputs/paper_sessions/", "model_runs": "outputs/model_runs/"}
    for item in contracts():
        root = roots.get(item.name.split(".", maxsplit=1)[0])
        if root is not None:
            assert all(path.startswith(root) for path in item.paths), item.name
