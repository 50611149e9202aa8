"""Artifacts: the one hand that reads and writes artifact bytes.

Owns: canonical JSON, atomic durable writes, checksums, seals, signatures, paths, legacy reading, verification of trees.
Gives: `Workspace`, `write_artifact`, `read_artifact`, `seal`, `verify`.
Never: knows a trading rule.
Neighbours: contracts below; every room that makes or reads an artifact above.
"""
