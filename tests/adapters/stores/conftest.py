"""The servers for tests as fixtures of this folder."""

from __future__ import annotations

from tests.fakes.store_servers import firestore_port, google_port, s3_port

__all__ = ["firestore_port", "google_port", "s3_port"]
