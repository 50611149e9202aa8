"""Journals behind the engine's journal port."""
