"""Venues: their messages as typed structs, and the decoders that turn them into facts, pure: bytes in, events out. `rest.py` asks over the network."""
