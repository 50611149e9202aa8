"""State bytes of a feature table: a header, the raw float64[S, N] and a SHA-256 over both. Anything that does not fit is refused, never repaired."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.errors import ArtifactError
from tallystick.kernels.features import FeatureTable
from tallystick.kernels.kernel import KERNEL_SET_HASH

MAGIC = b"tallystick state 1\n"
_DIGEST = 32
_HINT = "Discard the state and warm the features from bars"


@dataclass(frozen=True, slots=True)
class SavedState:
    """State of every symbol after the bar `bar_number`; −1 when no bar was seen."""

    bar_number: int
    state: NDArray[float64]


def layout_hash(table: FeatureTable, names: Sequence[str]) -> str:
    """SHA-256 over what gives the state its meaning: names, kinds, parameters, offsets, ranks."""
    digest = hashlib.sha256(json.dumps(list(names)).encode())
    for part in (table.kinds, table.params, table.offsets, table.sources):
        digest.update(np.ascontiguousarray(part).astype(part.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _header(table: FeatureTable, names: Sequence[str], symbols: Sequence[str]) -> dict[str, object]:
    return {"kernels": KERNEL_SET_HASH, "layout": layout_hash(table, names), "symbols": list(symbols)}


def pack_state(table: FeatureTable, names: Sequence[str], symbols: Sequence[str], saved: SavedState) -> bytes:
    """The bytes of a state; equal states give equal bytes."""
    header = {**_header(table, names, symbols), "bar_number": saved.bar_number}
    body = MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n" + saved.state.astype("<f8").tobytes()
    return body + hashlib.sha256(body).digest()


def unpack_state(table: FeatureTable, names: Sequence[str], symbols: Sequence[str], data: bytes) -> SavedState:
    """The state in `data`. Raises ArtifactError for damaged bytes, other kernels, other features or other symbols."""
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if not body.startswith(MAGIC) or hashlib.sha256(body).digest() != digest:
        raise ArtifactError("expected undamaged feature state bytes, found another format or SHA-256", where="feature state", hint=_HINT)
    first_line, _, raw = body.removeprefix(MAGIC).partition(b"\n")
    header = json.loads(first_line)
    for field, expected in _header(table, names, symbols).items():
        if header.get(field) != expected:
            raise ArtifactError(f"expected {field} {expected}, found {header.get(field)}", where="feature state header", hint=_HINT)
    shape = (len(symbols), table.state_size)
    if len(raw) != 8 * shape[0] * shape[1]:
        raise ArtifactError(f"expected {shape[0]} × {shape[1]} values of state, found {len(raw)} bytes", where="feature state", hint=_HINT)
    return SavedState(int(header["bar_number"]), np.frombuffer(raw, "<f8").astype(np.float64).reshape(shape))
