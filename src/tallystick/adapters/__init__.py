"""Adapters: everything outside.

Owns: model libraries, journals, compute, decoders of venue messages and their live feeds, readers of recordings, venues' REST answers,
the event store, tables of facts, object and document stores.
Gives: implementations of the ports that the rooms declare.
Never: contains domain rules; sees a room only through its `ports.py`.
Neighbours: the rooms' ports below; `apps/assembly.py` joins them.
"""
