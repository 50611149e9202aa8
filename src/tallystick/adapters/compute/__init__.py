"""Compute behind the port of training: local processes."""
