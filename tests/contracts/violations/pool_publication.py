"""Documents that break one rule of the publication contracts, each made from the valid example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Mutation = Callable[[Document], Document]

VIOLATIONS: dict[tuple[str, str], Mutation] = {
    ("universe.publication_record", "target_may_be_in_current"): lambda document: {**document, "target": "2025-07-31-core_major"},
    ("universe.publication_record", "several_versions_name_their_holder"): lambda document: {**document, "holder": None},
    ("universe.last_known_good", "version_is_date_and_mode"): lambda document: {**document, "as_of_date": "2025-06-18"},
}
