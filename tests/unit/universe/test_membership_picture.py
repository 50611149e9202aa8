from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tallystick.universe.membership_picture import CELL, LEFT, ROW, TOP, membership_picture

TRACKS = {
    "official_baseline": {"2024-11-01": ("ETHUSDT", "SOLUSDT"), "2024-12-01": ("ETHUSDT", "XRPUSDT"), "2025-02-01": ("XRPUSDT", "ADAUSDT")},
    "challenger_topk_60": {"2024-12-01": ("ADAUSDT", "ETHUSDT")},
}
SVG = "{http://www.w3.org/2000/svg}"


def cells(picture: bytes) -> list[tuple[str, int, int, bool]]:
    """Tooltip, column, row and whether it is pale, of each cell."""
    found = []
    for rect in ET.fromstring(picture).iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None and title.text is not None:
            column, row = (int(rect.attrib["x"]) - LEFT) // CELL, (int(rect.attrib["y"]) - TOP) // ROW
            found.append((title.text, column, row, "fill-opacity" in rect.attrib))
    return found


def test_each_symbol_has_one_row_and_each_month_one_column() -> None:
    picture = membership_picture("Live & shadow", TRACKS)
    rows = [text.text for text in ET.fromstring(picture).iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    assert rows == ["ETHUSDT", "SOLUSDT", "ADAUSDT", "XRPUSDT"]
    for label, column, row, _ in cells(picture):
        symbol, month = re.fullmatch(r"(\w+), rank \d of \w+ in (\d{4}-\d\d).*", label).groups()  # type: ignore[union-attr]
        assert rows[row] == symbol
        assert column == ["2024-11", "2024-12", "2025-01", "2025-02"].index(month)


def test_a_month_without_a_release_shows_the_standing_pool_pale() -> None:
    found = cells(membership_picture("t", TRACKS))
    standing = [label for label, _, _, pale in found if pale]
    assert "XRPUSDT, rank 2 of official_baseline in 2025-01, the last release stands" in standing
    assert sum("official_baseline" in label for label in standing) == 2
    assert not [label for label, _, _, _ in found if "challenger_topk_60 in 2024-11" in label]


def test_the_same_content_gives_the_same_bytes_in_any_order_given() -> None:
    turned = {name: dict(reversed(list(pools.items()))) for name, pools in TRACKS.items()}
    assert membership_picture("t", turned) == membership_picture("t", TRACKS)
