"""Policies: what others call strategies. Each is a file a newcomer can copy, with typed and bounded parameters."""
