"""Tallystick: contract-first quantitative trading, from exchange data to a live order."""

__version__ = "0.1.0"
