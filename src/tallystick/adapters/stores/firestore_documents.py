"""The summary document in Firestore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.api_core import exceptions as failures
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.api_core.retry import Retry, if_exception_type
from google.auth import exceptions as auth_failures
from google.cloud import firestore

from tallystick.adapters.stores.google_credentials import CREDENTIALS_HINT
from tallystick.contracts.errors import ConfigurationError
from tallystick.universe.ports import StoreConflict, StoredDocument, StoreUnavailable

_TIMEOUT_S = 15.0


class FirestoreDocument:
    """One document. The revision is the time of its last update, to the nanosecond. patience_s: for how long an outage is waited out."""

    def __init__(self, project: str, collection: str, document: str, *, patience_s: float = 15.0) -> None:
        transient = if_exception_type(failures.ServiceUnavailable, failures.InternalServerError)
        self._retry = Retry(predicate=transient, initial=0.2, maximum=4.0, timeout=patience_s)
        self._url = f"firestore://{project}/{collection}/{document}"
        with self._mapped():
            self._client = firestore.Client(project=project)
            self._document = self._client.collection(collection).document(document)

    @property
    def url(self) -> str:
        """Project, collection and document."""
        return self._url

    def get(self) -> StoredDocument | None:
        """The fields. Firestore keeps the order of lists, not of keys."""
        with self._mapped():
            found = self._document.get(retry=self._retry, timeout=_TIMEOUT_S)
            if not found.exists:
                return None
            return StoredDocument(found.to_dict() or {}, found.update_time.rfc3339())

    def put(self, fields: Mapping[str, Any], revision: str | None) -> str:
        """One commit under the condition that the document does not exist, or was last updated when it was read."""
        with self._mapped():
            if revision is None:
                result = self._document.create(dict(fields), retry=self._retry, timeout=_TIMEOUT_S)
            else:
                read_at = DatetimeWithNanoseconds.from_rfc3339(revision)  # type: ignore[no-untyped-call]
                unchanged = self._client.write_option(last_update_time=read_at)
                result = self._document.update(dict(fields), option=unchanged, retry=self._retry, timeout=_TIMEOUT_S)
            return str(result.update_time.rfc3339())

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except (failures.Conflict, failures.FailedPrecondition, failures.NotFound) as error:
            raise StoreConflict("expected the document as it was read, found that it has changed", where=self._url) from error
        except (failures.PermissionDenied, failures.Unauthenticated) as error:
            raise ConfigurationError("expected credentials that may do this, found ones that may not", where=self._url, hint=CREDENTIALS_HINT) from error
        except (auth_failures.DefaultCredentialsError, auth_failures.RefreshError) as error:
            raise ConfigurationError(
                f"expected credentials, found none that work: {str(error).splitlines()[0][:200]}", where=self._url, hint=CREDENTIALS_HINT
            ) from error
        except (failures.GoogleAPIError, auth_failures.GoogleAuthError) as error:
            text = " ".join(str(error).split())
            raise StoreUnavailable(f"expected an answer of the store, found: {text[:300]}", where=self._url, hint="Run the same command again") from error
