"""Contracts: every shape that crosses a wall.

Owns: the shapes, their versions, producers, consumers, path patterns and rules, and the registry of them all.
Gives: `registry.contracts()`, `checking.check()`, `compatibility.compare()`, the error family.
Never: does I/O or imports numerics.
Neighbours: nothing below; every other room stands on it.
"""
