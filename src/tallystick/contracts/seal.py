"""The seal of a finished folder: the checksums of every file in it."""

from __future__ import annotations

from tallystick.contracts.contract import Consumer, Contract

CONTRACTS = (
    Contract(
        name="artifacts.seal",
        version="1.0",
        purpose="SHA-256 of every file below a finished folder, so that a flipped byte, a lost or an added file is seen; readable by `sha256sum -c`",
        producer="artifacts.seal",
        consumers=(Consumer("artifacts.verification", ("*",), "compare the folder with what was sealed"),),
        shape=None,
        encoding="text",
        paths=("{folder*}/SHA256SUMS",),
    ),
    Contract(
        name="artifacts.seal_signature",
        version="1.0",
        purpose="Ed25519 signature over the bytes of the seal beside it, hexadecimal, when a key is configured",
        producer="artifacts.signature",
        consumers=(Consumer("artifacts.verification", ("*",), "check the signature against the configured public key"),),
        shape=None,
        encoding="text",
        paths=("{folder*}/SHA256SUMS.sig",),
    ),
)
