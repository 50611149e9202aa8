"""Adapters: everything outside.

Owns: model libraries, journals, compute, decoders of venue messages, readers of recordings.
Gives: implementations of the ports that the rooms declare.
Never: contains domain rules; sees a room only through its `ports.py`.
Neighbours: the rooms' ports below; `apps/assembly.py` joins them.
"""
