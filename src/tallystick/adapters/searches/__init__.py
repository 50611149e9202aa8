"""Searches behind the port of research that need a library."""
