"""Documents of a quickstart that break one rule each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def step_twice(document: Document) -> Document:
    document["steps"] = [*document["steps"], document["steps"][0]]
    return document


def data_without_a_folder(document: Document) -> Document:
    document["source"] = "data"
    return document


VIOLATIONS = {
    ("apps.quickstart_record", "steps_are_listed_once"): step_twice,
    ("apps.quickstart_record", "data_folder_is_named"): data_without_a_folder,
}
