"""Observation: states facts.

Owns: live collection into a log; raw events in (M1), level memory (M2), windows and promotion (M3), primitives of a snapshot (M4), governance (M5).
Gives: `ObservationSnapshot` of configured symbols, counters, quarantine with reasons.
Never: interprets, filters by importance, drops silently.
Neighbours: kernels and contracts below; engine reads its snapshots.
"""
