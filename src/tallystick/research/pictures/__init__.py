"""Pictures of a run as inline SVG, and the page that holds them.

Owns: scales, charts, the style of the page.
Gives: one self-contained HTML file: no script, no font, no network.
Never: computes a figure that `report.json` has; rounds before it draws.
Neighbours: research makes the numbers.
"""
