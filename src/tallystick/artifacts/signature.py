"""Ed25519 signatures: over the bytes of a folder's seal, or over the RFC 8785 bytes of a document. Keys are files with mode 0600."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tallystick.artifacts.atomic import make_folder, sync_folder, write_atomic_bytes, write_error
from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.seal import SEAL_NAME, SIGNATURE_NAME, SealFailure
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.errors import ConfigurationError, SafetyRefusal

SEED_BYTES = 32


def create_key(private_path: Path, public_path: Path, seed: bytes) -> str:
    """Write a new private key (mode 0600) and its public key, both hexadecimal; answer the public key.

    `seed` is 32 bytes from the system's random source, drawn by the caller. Raises ConfigurationError for another length or where a key
    already lies: a key is never overwritten.
    """
    if len(seed) != SEED_BYTES:
        raise ConfigurationError(f"expected {SEED_BYTES} random bytes for a key, found {len(seed)}")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex()
    make_folder(private_path.parent)
    try:
        descriptor = os.open(private_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationError("expected no key yet, found one", where=str(private_path), hint="Choose another name, or move the old key away") from error
    except OSError as error:
        raise write_error(private_path, error) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(f"{seed.hex()}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(private_path.parent)
    write_atomic_bytes(public_path, f"{public}\n".encode())
    return public


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a file. Raises ConfigurationError when others may read the file, or when it holds no key."""
    data = read_bytes(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigurationError(
            f"expected a key file that only its owner may read (mode 0600), found mode {mode:04o}", where=str(path), hint=f"chmod 600 {path}"
        )
    return Ed25519PrivateKey.from_private_bytes(_hex(data, SEED_BYTES, path))


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The public key of a file. Raises ConfigurationError when it holds none."""
    return Ed25519PublicKey.from_public_bytes(_hex(read_bytes(path), SEED_BYTES, path))


def _hex(data: bytes, length: int, path: Path) -> bytes:
    try:
        value = bytes.fromhex(data.decode("ascii").strip())
    except (UnicodeDecodeError, ValueError):
        value = b""
    if len(value) != length:
        raise ConfigurationError(f"expected {length} bytes in hexadecimal, found something else", where=str(path))
    return value


def sign_bytes(data: bytes, key: Ed25519PrivateKey) -> str:
    """The signature of bytes, hexadecimal."""
    return key.sign(data).hex()


def sign_document(document: Any, key: Ed25519PrivateKey) -> str:
    """The signature of a document's canonical bytes, hexadecimal."""
    return sign_bytes(canonical_json(document), key)


def is_signed_by(data: bytes, signature: str, key: Ed25519PublicKey) -> bool:
    """Whether the signature is this key's over these bytes."""
    try:
        key.verify(bytes.fromhex(signature.strip()), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def require_signature(data: bytes, signature: str, key: Ed25519PublicKey, where: str) -> None:
    """Raise SafetyRefusal unless the signature is this key's over these bytes."""
    if not is_signed_by(data, signature, key):
        raise SafetyRefusal("expected a signature by the configured key, found another or none", where=where, hint="Do not use this artifact")


def seal_path(folder: Path) -> Path:
    """The seal of a folder."""
    return folder.joinpath(SEAL_NAME)


def sign_seal(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Sign a sealed folder: one signature stands for every file in it. Answers the path of `SHA256SUMS.sig`."""
    seal = seal_path(folder)
    target = seal.with_name(SIGNATURE_NAME)
    write_atomic_bytes(target, f"{sign_bytes(read_bytes(seal), key)}\n".encode())
    return target


def check_seal_signature(folder: Path, key: Ed25519PublicKey) -> list[SealFailure]:
    """What is wrong with the signature of a sealed folder, given the configured public key; a missing signature is wrong too."""
    seal = seal_path(folder)
    target = seal.with_name(SIGNATURE_NAME)
    if not target.is_file():
        return [SealFailure(target, "a signature by the configured key", "none")]
    text = read_bytes(target).decode("ascii", "replace")
    # One text form only, so that no byte of the signature file can change unseen.
    if is_signed_by(read_bytes(seal), text, key) and text == f"{bytes.fromhex(text.strip()).hex()}\n":
        return []
    return [SealFailure(target, "a signature by the configured key over the seal", "another")]
