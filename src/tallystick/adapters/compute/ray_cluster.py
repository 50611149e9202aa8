"""Parts of a job on a Ray cluster, by address. Ray is an extra (`cluster`) and is imported when a job starts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tallystick.contracts.errors import ConfigurationError, TallystickError

_CONNECT_SECONDS = 5.0


class _Job(Protocol):
    def prepare(self) -> None: ...

    def run(self, part: Any) -> Any: ...


class ClusterFailed(TallystickError):
    """The cluster cannot be reached, or lost a part."""

    code = "CLUSTER_FAILED"


def _run_part(job: Any, part: Any) -> tuple[str, Any]:
    """On a node: errors of ours come back as values, so that they arrive whole."""
    try:
        return "result", job.run(part)
    except TallystickError as error:
        return "failed", (type(error), error.message, error.where, error.hint)


def _listening(address: str) -> None:
    """Raise ClusterFailed when nothing listens at host:port: Ray itself would try for minutes."""
    host, mark, port = address.removeprefix("ray://").rpartition(":")
    if not mark or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise ClusterFailed(
            f"expected a Ray cluster at {address}, found: {error.strerror or error}", where="--cluster", hint="Start one with: ray start --head"
        ) from error


@dataclass(frozen=True, slots=True)
class _Nodes:
    ray: Any
    task: Any
    job: Any

    def run(self, parts: Sequence[Any], *, on_result: Callable[[int, Any], None]) -> None:
        """Every part as a Ray task. Raises the error of a part, or ClusterFailed when a node is lost for good."""
        numbers = {self.task.remote(self.job, part): number for number, part in enumerate(parts)}
        left = list(numbers)
        while left:
            done, left = self.ray.wait(left, num_returns=1)
            try:
                kind, value = self.ray.get(done[0])
            except self.ray.exceptions.RayError as error:
                raise ClusterFailed(f"expected a result from the cluster, found {type(error).__name__}: {str(error).splitlines()[0]}") from error
            if kind == "failed":
                error_type, message, where, hint = value
                raise error_type(message, where=where, hint=hint)
            on_result(numbers[done[0]], value)


@dataclass(frozen=True, slots=True)
class OverRay:
    """A Ray cluster: `address` as `ray.init` takes it (`auto`, `ray://host:10001`, `host:6379`), or `local` for one that starts and ends with the job."""

    address: str

    @contextmanager
    def start(self, job: _Job) -> Iterator[_Nodes]:
        """Connect and share the job. Raises ConfigurationError without the extra, ClusterFailed when nothing answers at the address."""
        try:
            import ray
        except ImportError as error:
            raise ConfigurationError("expected the extra cluster for --cluster, found no Ray", hint="Install tallystick[cluster]") from error
        _listening(self.address)
        try:
            ray.init(address=self.address, include_dashboard=False, log_to_driver=False, configure_logging=False, ignore_reinit_error=False)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise ClusterFailed(f"expected a Ray cluster at {self.address}, found: {str(error).splitlines()[0]}", where="--cluster") from error
        try:
            yield _Nodes(ray, ray.remote(max_retries=2)(_run_part), ray.put(job))
        finally:
            ray.shutdown()
