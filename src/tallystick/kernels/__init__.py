"""Kernels: every rule that history and live share, compiled over plain arrays.

Owns: windows, feature kinds and their three drivers, fill price, fees, funding, margin, liquidation, rounding.
Gives: compiled functions with explicit state, and their plain-Python run as the oracle.
Never: does I/O, raises, decides, or knows a symbol.
Neighbours: contracts below; analysis, universe, risk, execution and research call it.
"""
