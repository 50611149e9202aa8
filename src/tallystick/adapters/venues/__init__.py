"""Venues: their messages as typed structs, and the decoders that turn them into facts. Pure: bytes in, events out; no network here."""
