"""Objects in S3, or in memory, through obstore."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore import exceptions as failures
from obstore.store import MemoryStore, S3Store

from tallystick.contracts.errors import ConfigurationError
from tallystick.universe.ports import StoreConflict, StoredObject, StoreUnavailable

if TYPE_CHECKING:
    from obstore.store import RetryConfig

CREDENTIALS_HINT = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION; AWS_ENDPOINT_URL for a server of your own)"
_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# What an error says when it was the search for credentials that failed: the places of the cloud's own metadata service.
_METADATA_SERVICE = ("/latest/api/token", "/latest/meta-data", "169.254.170.2")


def s3_objects(bucket: str, prefix: str) -> ObstoreObjects:
    """A bucket of S3, or of a server that speaks its protocol, as the AWS_… variables say."""
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    store = S3Store(
        bucket,
        prefix=prefix or None,
        config={"endpoint": endpoint} if endpoint else {},
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(seconds=15), "connect_timeout": timedelta(seconds=5)},
        retry_config=_RETRIES,
    )
    return ObstoreObjects(store, f"s3://{bucket}{f'/{prefix}' if prefix else ''}")


class ObstoreObjects:
    """A store of obstore behind the universe's port. The revision is the entity tag; `None` parts of a version must not be passed on (obstore refuses them)."""

    def __init__(self, store: S3Store | MemoryStore, url: str) -> None:
        self._store, self._url = store, url

    @property
    def url(self) -> str:
        """The address without a final `/`."""
        return self._url

    def get(self, name: str) -> StoredObject | None:
        """The object, with its entity tag."""
        with self._mapped(name):
            try:
                found = obstore.get(self._store, name)
                return StoredObject(bytes(found.bytes()), found.meta["e_tag"] or "")
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    def put(self, name: str, data: bytes, revision: str | None) -> str:
        """One request under If-None-Match or If-Match."""
        with self._mapped(name):
            mode: obstore.PutMode = "create" if revision is None else {"e_tag": revision}
            return obstore.put(self._store, name, data, mode=mode, use_multipart=False)["e_tag"] or ""

    def names(self, prefix: str) -> tuple[str, ...]:
        """All names below the prefix."""
        with self._mapped(prefix):
            return tuple(sorted(str(item["path"]) for batch in obstore.list(self._store, prefix.removesuffix("/")) for item in batch))

    @contextmanager
    def _mapped(self, name: str) -> Iterator[None]:
        where = f"{self._url}/{name}"
        try:
            yield
        except (failures.AlreadyExistsError, failures.PreconditionError) as error:
            raise StoreConflict("expected the object as it was read, found that it has changed", where=where) from error
        except FileNotFoundError as error:
            raise ConfigurationError("expected the bucket, found none of that name", where=where, hint="Make the bucket, or check the address") from error
        except (failures.PermissionDeniedError, failures.UnauthenticatedError) as error:
            raise ConfigurationError("expected credentials that may do this, found ones that may not", where=where, hint=CREDENTIALS_HINT) from error
        except failures.BaseError as error:
            text = " ".join(str(error).split("Debug source", maxsplit=1)[0].split())
            if not all(os.environ.get(key) for key in _KEYS) and any(place in text for place in _METADATA_SERVICE):
                raise ConfigurationError("expected credentials, found none", where=where, hint=CREDENTIALS_HINT) from error
            raise StoreUnavailable(f"expected an answer of the store, found: {text[:300]}", where=where, hint="Run the same command again") from error
