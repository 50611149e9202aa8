"""Compatibility of two versions of the contracts (decision 9): which change breaks whom, and whether the version says so.

A field walk names each change; jsonschema-rs then decides, on closed-world copies, whether old and new documents satisfy each other's schema.
Where the walk saw nothing breaking and the decision procedure disagrees, the contract counts as broken.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jsonschema_rs

from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.schema_fields import SchemaField, closed, inline, map_values, schema_fields

ChangeKind = Literal[
    "contract_added", "contract_removed", "producer_changed", "encoding_changed", "path_changed", "path_added", "consumer_added", "consumer_lost",
    "field_added_required", "field_added_optional", "field_removed", "field_renamed", "field_retyped", "required_to_optional", "optional_to_required",
    "enum_value_added", "enum_value_removed", "meaning_changed", "rule_added", "rule_removed", "deprecation_cut_short", "shape_changed",
    "version_not_raised", "version_lowered",
]  # fmt: skip
_WHOLE_SCHEMA = ""


@dataclass(frozen=True, slots=True)
class RegistryExport:
    """An exported registry: `registry.json` rows by contract name, and schemas by contract name."""

    rows: Mapping[str, Mapping[str, Any]]
    schemas: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `consumers` are those who must act: all of them when it breaks, else those who read the field; `readers` read it by name."""

    contract: str
    field: str
    kind: ChangeKind
    breaking: bool
    consumers: tuple[str, ...]
    readers: tuple[str, ...] = ()
    detail: str = ""

    @property
    def path(self) -> str:
        """Contract and field, dotted."""
        return f"{self.contract}.{self.field}" if self.field else self.contract

    def as_document(self) -> dict[str, Any]:
        """The row that `contracts diff --json` prints."""
        return {
            "path": self.path,
            "kind": self.kind,
            "breaking": self.breaking,
            "consumers": list(self.consumers),
            "readers": list(self.readers),
            "contract": self.contract,
            "field": self.field,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every change between two registries, sorted by contract and field."""

    changes: tuple[Change, ...] = field(default=())

    @property
    def breaking(self) -> bool:
        """Whether any change breaks a consumer."""
        return any(change.breaking for change in self.changes)


def compare(old: RegistryExport, new: RegistryExport) -> Comparison:
    """Every change from the old registry to the new one."""
    changes: list[Change] = []
    for name in sorted(old.rows.keys() | new.rows.keys()):
        if name not in new.rows:
            changes.append(Change(name, "", "contract_removed", True, modules(old.rows[name]), modules(old.rows[name])))
        elif name not in old.rows:
            changes.append(Change(name, "", "contract_added", False, modules(new.rows[name])))
        else:
            changes.extend(compare_contract(old.rows[name], old.schemas[name], new.rows[name], new.schemas[name]))
    return Comparison(tuple(changes))


def compare_contract(old_row: Mapping[str, Any], old_schema: Mapping[str, Any], new_row: Mapping[str, Any], new_schema: Mapping[str, Any]) -> list[Change]:
    """Every change of one contract, ending with what is wrong about its version."""
    before, after = inline(dict(old_schema)), inline(dict(new_schema))
    changes = [*_row_changes(old_row, new_row), *_field_changes(old_row, schema_fields(before), schema_fields(after))]
    changes.extend(_deprecation_changes(old_row, new_row, changes))
    if not any(change.breaking for change in changes):
        changes.extend(_cross_check(old_row, before, after, changes))
    changes.sort(key=lambda change: (change.field, change.kind, change.detail))
    return [*changes, *_version_changes(old_row, new_row, changes)]


def modules(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The consumers of a contract, sorted."""
    return tuple(sorted({consumer["module"] for consumer in row["consumers"]}))


def readers(row: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The consumers that read a field: by its own name, by an object that holds it, or by something inside it."""
    return tuple(sorted({consumer["module"] for consumer in row["consumers"] if any(_touches(read, path) for read in consumer["reads"])}))


def _touches(read: str, path: str) -> bool:
    left, right = _parts(read), _parts(path)
    return all(a == b or "*" in (a, b) for a, b in zip(left, right, strict=False))


def _parts(path: str) -> list[str]:
    return [part.split("|")[0].split("[")[0] for part in path.removesuffix("()").removesuffix(".keys").split(".")]


def _row_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    name, everyone = old["name"], modules(old)
    if old["producer"] != new["producer"]:
        yield Change(name, "", "producer_changed", False, everyone, detail=f"{old['producer']} → {new['producer']}")
    if old["encoding"] != new["encoding"]:
        yield Change(name, "", "encoding_changed", True, everyone, detail=f"{old['encoding']} → {new['encoding']}")
    for path in old["paths"]:
        if path not in new["paths"]:
            yield Change(name, "", "path_changed", True, everyone, detail=f"{path} → {', '.join(new['paths']) or 'none'}")
    yield from (Change(name, "", "path_added", False, everyone, detail=path) for path in new["paths"] if path not in old["paths"] and old["paths"])
    if old["unsorted"] != new["unsorted"]:
        yield Change(name, "", "meaning_changed", True, everyone, detail=f"key order kept in {old['unsorted']} → {new['unsorted']}")
    after = modules(new)
    yield from (Change(name, "", "consumer_lost", False, (module,), detail=module) for module in everyone if module not in after)
    yield from (Change(name, "", "consumer_added", False, (module,), detail=module) for module in after if module not in everyone)
    # A rule is part of what a document means: a new one refuses documents that were good, a lost one takes a promise away.
    rules_before, rules_after = ({rule["name"] for rule in row["rules"]} for row in (old, new))
    yield from (Change(name, "", "rule_removed", True, everyone, detail=rule) for rule in sorted(rules_before - rules_after))
    yield from (Change(name, "", "rule_added", True, everyone, detail=rule) for rule in sorted(rules_after - rules_before))


def _field_changes(row: Mapping[str, Any], old: Mapping[str, SchemaField], new: Mapping[str, SchemaField]) -> Iterator[Change]:
    gone, come = _tops(old.keys() - new.keys()), _tops(new.keys() - old.keys())
    everyone = modules(row)
    for path, successor in _renames(gone, come, old, new):
        gone.remove(path)
        come.remove(successor)
        yield Change(row["name"], path, "field_renamed", True, everyone, readers(row, path), f"now {successor}")
    for path in gone:
        breaking = old[path].required
        yield Change(row["name"], path, "field_removed", breaking, everyone if breaking else readers(row, path), readers(row, path))
    for path in come:
        breaking = new[path].required
        kind: ChangeKind = "field_added_required" if breaking else "field_added_optional"
        yield Change(row["name"], path, kind, breaking, everyone if breaking else readers(row, path), readers(row, path))
    for path in sorted(old.keys() & new.keys()):
        yield from _one_field(row, old[path], new[path])


def _one_field(row: Mapping[str, Any], old: SchemaField, new: SchemaField) -> Iterator[Change]:
    everyone, reading = modules(row), readers(row, old.path)

    def change(kind: ChangeKind, *, breaking: bool = True, detail: str = "") -> Change:
        return Change(row["name"], old.path, kind, breaking, everyone if breaking else reading, reading, detail)

    if old.required != new.required:
        yield change("optional_to_required" if new.required else "required_to_optional")
    if (old.types, old.constraints, old.values is None) != (new.types, new.constraints, new.values is None):
        yield change("field_retyped", detail=f"{_says(old)} → {_says(new)}")
    elif old.values is not None and new.values is not None:
        is_open = old.is_open and new.is_open
        yield from (change("enum_value_added", breaking=not is_open, detail=value) for value in new.values if value not in old.values)
        yield from (change("enum_value_removed", breaking=not is_open, detail=value) for value in old.values if value not in new.values)
    if old.meaning != new.meaning and old.required == new.required:
        yield change("meaning_changed", detail=f"{old.meaning} → {new.meaning}")


def _says(item: SchemaField) -> str:
    extra = "" if item.constraints in ('["{}"]', "[]") else f" {item.constraints}"
    return " or ".join(item.types) + extra


def _tops(paths: Iterable[str]) -> list[str]:
    """Paths without those that lie inside another of them: a removed object is one change, not one for each of its fields."""
    found: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith((f"{top}.", f"{top}[", f"{top}|")) for top in found):
            found.append(path)
    return found


def _renames(gone: list[str], come: list[str], old: Mapping[str, SchemaField], new: Mapping[str, SchemaField]) -> list[tuple[str, str]]:
    """Pairs of removed and added fields of one object with the same signature; the most alike names first."""
    pairs = [(path, other) for path in gone for other in come if old[path].parent == new[other].parent and old[path].signature == new[other].signature]
    pairs.sort(key=lambda pair: (-difflib.SequenceMatcher(None, *pair).ratio(), pair))
    taken: set[str] = set()
    chosen = []
    for path, other in pairs:
        if path not in taken and other not in taken:
            taken.update((path, other))
            chosen.append((path, other))
    return sorted(chosen)


def _deprecation_changes(old: Mapping[str, Any], new: Mapping[str, Any], changes: Iterable[Change]) -> Iterator[Change]:
    """A deprecated field stays two majors, and goes only with a major version (document 1, deprecation 3 and 4)."""
    for change in changes:
        since = old["deprecated_fields"].get(change.field)
        if since is None or change.kind not in ("field_removed", "field_renamed"):
            continue
        first = _first_number(since) or version_of(old)[0]
        if version_of(new)[0] < first + 2:
            detail = f"deprecated since {first}.0, so it stays until {first + 2}.0"
            yield Change(change.contract, change.field, "deprecation_cut_short", True, modules(old), change.readers, detail)


def _first_number(text: str) -> int | None:
    for word in text.replace(":", " ").split():
        head = word.partition(".")[0]
        if head.isdigit() and "." in word:
            return int(head)
    return None


def _cross_check(row: Mapping[str, Any], before: Any, after: Any, changes: Iterable[Change]) -> Iterator[Change]:
    """Old and new documents must satisfy each other's schema once the declared optional fields and open values are set aside."""
    left, right = closed(before), closed(after)
    for change in changes:
        if change.kind in ("field_removed", "field_added_optional"):
            _drop(left if change.kind == "field_removed" else right, change.field)
    if left == right:
        return
    old, new = jsonschema_rs.canonicalize(left), jsonschema_rs.canonicalize(right)
    proven = jsonschema_rs.canonical.Containment.YES
    for wide, narrow, says in ((new, old, "old documents do not all satisfy the new schema"), (old, new, "new documents do not all satisfy the old schema")):
        if wide.covers(narrow) != proven:
            yield Change(row["name"], _WHOLE_SCHEMA, "shape_changed", True, modules(row), modules(row), says)


def _drop(node: Any, path: str) -> None:
    """Take a field out of a closed copy, wherever the path leads among alternatives."""
    if isinstance(node, list):
        for item in node:
            _drop(item, path)
        return
    if not isinstance(node, dict):
        return
    for keyword in ("anyOf", "oneOf", "allOf"):
        _drop(node.get(keyword), path)
    head, _, rest = path.partition(".")
    lists = head.count("[")
    name = head.split("[")[0].split("|")[0]
    properties = node.get("properties", {})
    if not rest and not lists:
        properties.pop(name, None)
        return
    child = node if name == "" else map_values(node) if name == "*" else properties.get(name)
    for _ in range(lists):
        child = _items(child)
    _drop(child, rest)


def _items(node: Any) -> Any:
    if isinstance(node, list):
        return [_items(item) for item in node]
    if not isinstance(node, dict):
        return None
    return [node.get("items"), node.get("prefixItems"), *(_items(node.get(keyword)) for keyword in ("anyOf", "oneOf", "allOf"))]


def version_of(row: Mapping[str, Any]) -> tuple[int, int]:
    """Major and minor of a row's version. Raises ContractViolation for a version that is not `major.minor`."""
    parts = str(row["version"]).split(".")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise ContractViolation(f"expected a version major.minor, found {row['version']!r}", where=str(row["name"]))
    return int(parts[0]), int(parts[1])


def _version_changes(old: Mapping[str, Any], new: Mapping[str, Any], changes: Iterable[Change]) -> Iterator[Change]:
    before, after = version_of(old), version_of(new)
    listed = tuple(changes)
    breaking = any(change.breaking for change in listed)
    moved = f"{old['version']} → {new['version']}"
    if after < before:
        yield Change(old["name"], "", "version_lowered", True, modules(old), detail=moved)
    elif breaking and after[0] == before[0]:
        yield Change(old["name"], "", "version_not_raised", True, modules(old), detail=f"{moved}: a breaking change asks for {before[0] + 1}.0")
    elif listed and after == before:
        yield Change(old["name"], "", "version_not_raised", False, (), detail=f"{moved}: these changes ask for {before[0]}.{before[1] + 1}")
