"""How Google's clients find credentials, for people."""

from __future__ import annotations

CREDENTIALS_HINT = "Set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, or run: gcloud auth application-default login"
