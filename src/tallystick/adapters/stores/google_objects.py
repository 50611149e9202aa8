"""Objects in Google Cloud Storage, through Google's own client: its JSON interface is what every server for tests speaks (docs/decisions/0012)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core import exceptions as failures
from google.api_core.retry import Retry, if_exception_type
from google.auth import exceptions as auth_failures
from google.cloud.storage import Client

from tallystick.adapters.stores.google_credentials import CREDENTIALS_HINT
from tallystick.contracts.errors import ConfigurationError
from tallystick.universe.ports import StoreConflict, StoredObject, StoreUnavailable

_TRANSIENT = (failures.ServerError, failures.TooManyRequests, requests.exceptions.ConnectionError, requests.exceptions.Timeout)
_TIMEOUT_S = 15.0
_READ_ATTEMPTS = 4
# Otherwise every client asks for its bucket's own data, for traces that nobody takes: in a thread of its own that goes on for two minutes where the store is
# gone, and with a right that a reader of objects need not have. The client has no other switch.
_UNASKED = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"


class GoogleObjects:
    """A bucket. The revision is the object's generation. patience_s: for how long an outage is waited out."""

    def __init__(self, bucket: str, prefix: str, *, patience_s: float = 15.0) -> None:
        # Every write carries a precondition, so that a repeated one is refused and never done twice.
        self._retry = Retry(predicate=if_exception_type(*_TRANSIENT), initial=0.2, maximum=4.0, timeout=patience_s)
        self._prefix = f"{prefix}/" if prefix else ""
        self._url = f"gs://{bucket}{f'/{prefix}' if prefix else ''}"
        os.environ.setdefault(_UNASKED, "true")
        with self._mapped(""):
            self._client = Client(project=None)
            self._bucket = self._client.bucket(bucket)

    @property
    def url(self) -> str:
        """`gs://`, the bucket and the prefix."""
        return self._url

    def get(self, name: str) -> StoredObject | None:
        """The object of one generation: asked first, then read under the condition that it is still that one."""
        with self._mapped(name):
            for _ in range(_READ_ATTEMPTS):
                blob = self._bucket.get_blob(self._prefix + name, timeout=_TIMEOUT_S, retry=self._retry)
                if blob is None:
                    return None
                revision = str(blob.generation)
                try:
                    return StoredObject(blob.download_as_bytes(if_generation_match=blob.generation, timeout=_TIMEOUT_S, retry=self._retry), revision)
                except (failures.PreconditionFailed, failures.NotFound):
                    # Replaced between the two requests: ask again.
                    continue
            raise StoreUnavailable("expected an object that rests, found one that is replaced again and again", where=f"{self._url}/{name}")

    def put(self, name: str, data: bytes, revision: str | None) -> str:
        """One upload under ifGenerationMatch; 0 stands for no object."""
        with self._mapped(name):
            blob = self._bucket.blob(self._prefix + name)
            blob.upload_from_string(data, if_generation_match=0 if revision is None else int(revision), timeout=_TIMEOUT_S, retry=self._retry)
            return str(blob.generation)

    def names(self, prefix: str) -> tuple[str, ...]:
        """All names below the prefix."""
        with self._mapped(prefix):
            found = self._client.list_blobs(self._bucket, prefix=self._prefix + prefix, timeout=_TIMEOUT_S, retry=self._retry)
            return tuple(sorted(str(blob.name).removeprefix(self._prefix) for blob in found))

    @contextmanager
    def _mapped(self, name: str) -> Iterator[None]:
        where = f"{self._url}/{name}"
        try:
            yield
        except failures.PreconditionFailed as error:
            raise StoreConflict("expected the object as it was read, found that it has changed", where=where) from error
        except failures.NotFound as error:
            raise ConfigurationError("expected the bucket, found none of that name", where=where, hint="Make the bucket, or check the address") from error
        except (failures.Forbidden, failures.Unauthorized) as error:
            raise ConfigurationError("expected credentials that may do this, found ones that may not", where=where, hint=CREDENTIALS_HINT) from error
        except (auth_failures.DefaultCredentialsError, auth_failures.RefreshError) as error:
            raise ConfigurationError(
                f"expected credentials, found none that work: {str(error).splitlines()[0][:200]}", where=where, hint=CREDENTIALS_HINT
            ) from error
        except (failures.GoogleAPIError, auth_failures.GoogleAuthError, requests.exceptions.RequestException) as error:
            text = " ".join(str(error).split())
            raise StoreUnavailable(f"expected an answer of the store, found: {text[:300]}", where=where, hint="Run the same command again") from error
