"""The page around the pictures: one HTML file, no script, no font, no network; readable in light and dark, on paper and on a telephone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root{color-scheme:light dark;--page:#fcfcfb;--card:#fff;--ink:#1c1d1f;--soft:#62666d;--grid:#e8e8e5;--edge:#dcdcd8;--zero:#a3a6ab;
--a:#2458b8;--b:#c26a00;--c:#7a52a8;--quiet:#9aa0a8;--gain:#11806f;--loss:#c2452d}
@media (prefers-color-scheme:dark){:root{--page:#121315;--card:#191b1e;--ink:#e9e9e6;--soft:#a0a4ab;--grid:#292c30;--edge:#303439;--zero:#5e636b;
--a:#7fa8f5;--b:#f0a24b;--c:#b99ae0;--quiet:#767c86;--gain:#3fb9a3;--loss:#ef7b62}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 56px}
h1{font-size:25px;line-height:1.25;margin:0 0 4px;font-weight:650;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 2px;font-weight:650}
p{margin:2px 0 8px}.soft{color:var(--soft)}
section{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:18px 20px 16px;margin-top:16px;break-inside:avoid}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(114px,1fr));gap:8px;margin-top:18px}
.tile{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:10px 11px}
.tile b{display:block;font-size:20px;font-weight:650;font-variant-numeric:tabular-nums;white-space:nowrap}
.tile span{color:var(--soft);font-size:12.5px;white-space:nowrap}
.pair{display:grid;grid-template-columns:repeat(auto-fill,minmax(440px,1fr));gap:6px 18px}
figure{margin:0}svg{display:block;width:100%;height:auto;overflow:visible;margin-top:6px}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
svg .unit{fill:var(--soft)}svg .name{fill:var(--ink);font-weight:650;font-size:13px}svg .value,svg .cell{fill:var(--ink)}
path{fill:none}.grid{stroke:var(--grid)}.zero{stroke:var(--zero)}.tick{stroke:var(--zero)}
.line-a,.line-b,.line-c,.line-quiet{stroke-width:1.5;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.line-a{stroke:var(--a)}.line-b{stroke:var(--b)}.line-c{stroke:var(--c)}.line-quiet{stroke:var(--quiet);stroke-width:1.1}.line-loss{stroke:var(--loss);stroke-width:1.2}
.area-a,.area-b,.area-c{fill-opacity:.18}.area-a{fill:var(--a)}.area-b{fill:var(--b)}.area-c{fill:var(--c)}.area-loss{fill:var(--loss);fill-opacity:.2}
.fill-a{fill:var(--a)}.fill-b{fill:var(--b)}.fill-c{fill:var(--c)}.fill-quiet{fill:var(--quiet);fill-opacity:.55}.fill-loss{fill:var(--loss)}
.gain,.mark-buy{fill:var(--gain)}.loss,.mark-sell{fill:var(--loss)}.nothing{fill:var(--grid);fill-opacity:.45}.best{stroke:var(--ink);stroke-width:1.5}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
th{text-align:left;font-weight:500;color:var(--soft)}td{text-align:left}
th,td{padding:4px 14px 4px 0;border-bottom:1px solid var(--grid);vertical-align:top;overflow-wrap:anywhere}
td.n,th.n{text-align:right;white-space:nowrap}tr:last-child td,tr:last-child th{border-bottom:0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:12.5px/1.5 ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace;background:var(--page);
border:1px solid var(--edge);border-radius:8px;padding:10px 12px;margin:8px 0 4px}
footer{color:var(--soft);font-size:13px;margin-top:18px}
@media (max-width:700px){main{padding:20px 12px}section{padding:14px 12px}figure{overflow-x:auto}.large svg{min-width:660px}.pair{grid-template-columns:1fr}}
@media print{:root{--page:#fff;--card:#fff;--ink:#111;--soft:#555;--grid:#e4e4e4;--edge:#ccc;--zero:#999;--a:#1d4ea8;--b:#b35f00;--c:#6b459a;
--quiet:#8a9099;--gain:#0d6e5f;--loss:#b03a24}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
@page{size:A4;margin:12mm}main{max-width:none;padding:0}section,.tile{border-radius:4px}body{font-size:12px}figure{break-inside:avoid}
.tiles{grid-template-columns:repeat(auto-fit,minmax(84px,1fr));gap:6px}
.tile{padding:6px 8px}.tile span{font-size:11px}.tile b{font-size:16px}.pair{grid-template-columns:1fr 1fr}}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence on what is seen, and the body: pictures, tables. Left out where the body is empty."""

    heading: str
    says: str
    body: str


def tiles(items: Iterable[tuple[str, str]]) -> str:
    """The main figures: (name, value)."""
    shown = "".join(f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b></div>' for name, value in items)
    return f'<div class="tiles">{shown}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table; columns in `numbers` stand to the right."""

    def cells(tag: str, row: Sequence[str]) -> str:
        right = ' class="n"'
        shown = "".join(f"<{tag}{right if place in numbers else ''}>{escape(item)}</{tag}>" for place, item in enumerate(row))
        return f"<tr>{shown}</tr>"

    body = "".join([cells("th", header) if header else "", *(cells("td", row) for row in rows)])
    return f'<div class="wide"><table>{body}</table></div>'


def code(words: str) -> str:
    """A command line."""
    return f"<pre>{escape(words)}</pre>"


def _sentence(words: str) -> str:
    return f'<p class="soft">{escape(words)}</p>' if words else ""


def page(title: str, lines: Sequence[str], main_figures: str, sections: Sequence[Section], foot: str) -> bytes:
    """The whole file. lines: sentences below the title."""
    shown = "".join(f"<section><h2>{escape(item.heading)}</h2>{_sentence(item.says)}{item.body}</section>\n" for item in sections if item.body)
    below = "".join(_sentence(item) for item in lines)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n{below}\n{main_figures}\n{shown}"
        f"<footer>{escape(foot)}</footer>\n</main>\n</body>\n</html>\n"
    ).encode()
