"""Keys are private files, and a wrong signature is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tallystick.artifacts.seal import seal_folder
from tallystick.artifacts.signature import (
    check_seal_signature,
    create_key,
    is_signed_by,
    load_private_key,
    load_public_key,
    require_signature,
    sign_document,
    sign_seal,
)
from tallystick.contracts.errors import ConfigurationError, SafetyRefusal


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    private, public = tmp_path / "keys" / "a.key", tmp_path / "keys" / "a.pub"
    create_key(private, public, bytes(range(32)))
    return private, public


@pytest.fixture
def sealed(tmp_path: Path, keys: tuple[Path, Path]) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "a.json").write_bytes(b"{}\n")
    seal_folder(folder)
    sign_seal(folder, load_private_key(keys[0]))
    return folder


def test_private_key_file_is_readable_by_its_owner_only(keys: tuple[Path, Path]) -> None:
    assert stat.S_IMODE(keys[0].stat().st_mode) == 0o600


def test_refuses_to_overwrite_a_key_or_to_make_a_short_one(keys: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no key yet"):
        create_key(*keys, bytes(32))
    with pytest.raises(ConfigurationError, match="32 random bytes"):
        create_key(tmp_path / "b", tmp_path / "c", b"short")


def test_refuses_a_key_file_that_others_may_read(keys: tuple[Path, Path]) -> None:
    keys[0].chmod(0o644)
    with pytest.raises(ConfigurationError, match="mode 0644"):
        load_private_key(keys[0])


def test_refuses_a_file_that_holds_no_key(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("not a key\n")
    with pytest.raises(ConfigurationError, match="hexadecimal"):
        load_public_key(path)


def test_accepts_a_sealed_folder_signed_by_the_configured_key(sealed: Path, keys: tuple[Path, Path]) -> None:
    assert check_seal_signature(sealed, load_public_key(keys[1])) == []


def test_refuses_every_flipped_byte_of_seal_and_signature(sealed: Path, keys: tuple[Path, Path]) -> None:
    key = load_public_key(keys[1])
    for name in ("SHA256SUMS", "SHA256SUMS.sig"):
        good = (sealed / name).read_bytes()
        for index in range(len(good)):
            (sealed / name).write_bytes(good[:index] + bytes([good[index] ^ 1]) + good[index + 1 :])
            assert check_seal_signature(sealed, key), (name, index)
        (sealed / name).write_bytes(good)


def test_refuses_a_missing_signature_and_another_key(sealed: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    create_key(tmp_path / "o.key", tmp_path / "o.pub", bytes(32))
    assert check_seal_signature(sealed, load_public_key(tmp_path / "o.pub"))[0].found == "another"
    (sealed / "SHA256SUMS.sig").unlink()
    assert check_seal_signature(sealed, load_public_key(keys[1]))[0].found == "none"


def test_document_signature_is_over_canonical_bytes(keys: tuple[Path, Path]) -> None:
    signature = sign_document({"b": 1.0, "a": 2}, load_private_key(keys[0]))
    public = load_public_key(keys[1])
    require_signature(b'{"a":2,"b":1}\n', signature, public, "x.json")
    assert not is_signed_by(b'{"a":2,"b":2}\n', signature, public)
    assert not is_signed_by(b"", "zz", public)
    with pytest.raises(SafetyRefusal, match="configured key"):
        require_signature(b"{}", signature, public, "x.json")
