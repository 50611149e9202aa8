"""Servers on loopback that speak the protocols of the three stores, for tests: Google Cloud Storage, S3, Firestore.

`python scripts/store_services.py start` starts what is not running yet and prints the settings that lead there; `stop` ends what it started. The product
knows nothing of this: only the addresses are set.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".services"
NPM_SECONDS = 120
FIRESTORE_PACKAGE = "@firestore-emulator/server@0.3.15"
PORTS = {"gcs": 9023, "firestore": 8085, "s3": 5555}
BUCKET = "live-pool"
READY_WITHIN_S = 60.0


class ServiceError(RuntimeError):
    """A server cannot be had on this machine."""


def install_firestore() -> Path:
    """The folder with the Firestore server's package, installed there once by npm; safe when several processes ask at the same time."""
    folder = STATE / "node"
    folder.mkdir(parents=True, exist_ok=True)
    with (STATE / "node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / ".installed"
        if not stamp.is_file() or stamp.read_text() != FIRESTORE_PACKAGE:
            npm = shutil.which("npm")
            if npm is None:
                raise ServiceError("expected npm, found none: install Node.js")
            (folder / "package.json").write_text('{"private": true}\n')
            command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", FIRESTORE_PACKAGE]
            try:
                answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=NPM_SECONDS)  # noqa: S603 - a fixed command of ours
            except subprocess.TimeoutExpired as error:
                raise ServiceError(
                    f"expected npm to install {FIRESTORE_PACKAGE} within {NPM_SECONDS} s, found it still trying: is the registry reachable?"
                ) from error
            if answer.returncode != 0:
                raise ServiceError(f"npm could not install {FIRESTORE_PACKAGE}: {answer.stderr.strip()[-500:]}")
            stamp.write_text(FIRESTORE_PACKAGE)
    return folder


def command_of(name: str, port: int) -> list[str]:
    """What starts a server on a port of 127.0.0.1."""
    tools = Path(sys.executable).parent
    if name == "gcs":
        return [str(tools / "gcp-storage-emulator"), "start", "--host=127.0.0.1", f"--port={port}", "--in-memory", f"--default-bucket={BUCKET}"]
    if name == "s3":
        return [str(tools / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    return [shutil.which("node") or "node", str(ROOT / "scripts" / "firestore_server.mjs"), str(install_firestore()), str(port)]


def settings_of(ports: Mapping[str, int]) -> dict[str, str]:
    """The environment that leads the usual clients to servers on these ports; the S3 keys are any two words."""
    found = {}
    if "gcs" in ports:
        found["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{ports['gcs']}"
    if "firestore" in ports:
        found["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{ports['firestore']}"
    if "s3" in ports:
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
        found |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}", **keys}
    return found


def answers(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(name: str, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a process group of its own and wait until it listens."""
    with log.open("wb") as out:
        process = subprocess.Popen(command_of(name, port), stdout=out, stderr=subprocess.STDOUT, start_new_session=True)  # noqa: S603 - a fixed command of ours
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process.pid)
            raise ServiceError(f"{name} does not listen on 127.0.0.1:{port}: {log.read_text(errors='replace')[-800:]}")
        time.sleep(0.05)
    return process


def stop(process: int) -> None:
    """End a server that was started here, with what it started."""
    try:
        os.killpg(process, signal.SIGTERM)
    except ProcessLookupError:
        return


def make_bucket(port: int, bucket: str = BUCKET) -> None:
    """Make a bucket of the S3 server, where it is missing."""
    import boto3

    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)
    client.create_bucket(Bucket=bucket)


@contextmanager
def serving(name: str, log: Path) -> Iterator[int]:
    """A server on a free port for as long as the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = start(name, port, log)
    try:
        yield port
    finally:
        stop(process.pid)
        process.wait(10)


def start_all() -> dict[str, str]:
    """Start what does not answer on its usual port; answers each one's state."""
    STATE.mkdir(exist_ok=True)
    states = {}
    for name, port in PORTS.items():
        if answers(port):
            states[name] = "already there"
            continue
        process = start(name, port, STATE / f"{name}.log")
        (STATE / f"{name}.pid").write_text(str(process.pid))
        states[name] = "started"
    make_bucket(PORTS["s3"])
    return states


def stop_all() -> dict[str, str]:
    """End what `start` started, by the process ids that it noted."""
    states = {}
    for name in PORTS:
        note = STATE / f"{name}.pid"
        if note.is_file():
            stop(int(note.read_text()))
            note.unlink()
            states[name] = "stopped"
    return states


def main() -> None:
    """`start` (default) or `stop`."""
    verb = sys.argv[1] if len(sys.argv) > 1 else "start"
    if verb not in ("start", "stop"):
        raise SystemExit(f"store services: expected start or stop, found {verb!r}")
    try:
        states = start_all() if verb == "start" else stop_all()
    except ServiceError as error:
        raise SystemExit(f"store services: {error}") from error
    sys.stdout.write(json.dumps({"services": states, "bucket": BUCKET}) + "\n")
    if verb == "start":
        sys.stdout.write("".join(f"export {name}={value}\n" for name, value in settings_of(PORTS).items()))


if __name__ == "__main__":
    main()
