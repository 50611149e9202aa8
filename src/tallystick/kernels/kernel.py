"""The one decorator that compiles, and where its results are kept.

Numba's cache looks only at the file of the outer function: after an edit of an inner kernel, callers in other files keep the old code. So the cache
folder is named after the hash of every kernel source and of the compiler's versions: any edit anywhere in this room starts an empty folder.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import types as numba_types
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic, overload

Function = TypeVar("Function", bound=Callable[..., Any])
Borrowed = TypeVar("Borrowed")

_CONFIG: Any = numba.config
_UNLITERAL: Any = numba_types.unliteral

SOURCES = Path(__file__).parent


class KernelCacheWarning(UserWarning):
    """Compiled kernels cannot be kept on disk; every process compiles them again."""


def _source_hash() -> str:
    digest = hashlib.sha256()
    for source in sorted(SOURCES.glob("*.py")):
        content = source.read_bytes()
        digest.update(f"{source.name} {len(content)}\n".encode())
        digest.update(content)
    digest.update(f"numba {numba.__version__} llvmlite {importlib.metadata.version('llvmlite')}\n".encode())
    return digest.hexdigest()


KERNEL_SET_HASH = _source_hash()
"""SHA-256 over every file of this room and the compiler's versions; state bytes carry it."""


def _user_cache_folder() -> Path:
    # A listed exception of the house rule on environment reads: decorators run while modules are imported, before any settings exist,
    # and the place of a compiler cache cannot change a result.
    if _CONFIG.CACHE_DIR:
        return Path(_CONFIG.CACHE_DIR)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _writable_cache_folder() -> str | None:
    try:
        folder = _user_cache_folder() / "tallystick" / KERNEL_SET_HASH
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError) as error:
        # Never the folder beside the sources (it can go stale) nor a shared temporary one (cached code is executed).
        warnings.warn(
            f"Compiled kernels cannot be kept ({error}): this process compiles them itself, about ten seconds. Set XDG_CACHE_HOME to a writable folder.",
            KernelCacheWarning,
            stacklevel=2,
        )
        return None


CACHE_FOLDER = _writable_cache_folder()
"""Where compiled kernels are kept; None when the user's cache folder cannot be written."""


def _compile(function: Function, *, inline: bool = False, counted: bool = True, constants: bool = False) -> Function:
    # The folder is set only while the cache locator is built, so other libraries that use numba keep their own.
    before = _CONFIG.CACHE_DIR
    try:
        if CACHE_FOLDER is not None:
            _CONFIG.CACHE_DIR = CACHE_FOLDER
        cached = CACHE_FOLDER is not None
        # Nobody calls a kernel from C. What is never called from Python needs no wrapper for it, which would take longer to compile than the rule.
        more: dict[str, Any] = {"no_cfunc_wrapper": True} | ({} if counted else {"_nrt": False, "no_cpython_wrapper": True})
        compiled: Any = numba.njit(cache=cached, error_model="numpy", fastmath=False, nogil=True, forceinline=inline, **more)(function)
    finally:
        _CONFIG.CACHE_DIR = before
    if not constants:
        compiled.get_call_template = _without_literals(compiled.get_call_template)
    return compiled  # type: ignore[no-any-return]


def _without_literals(resolve: Callable[..., Any]) -> Callable[..., Any]:
    # A constant in a call is a type of its own to numba, and would compile the whole callee once more for each.
    def resolve_plain(arguments: Any, keywords: Any) -> Any:
        return resolve(tuple(_UNLITERAL(kind) for kind in arguments), {name: _UNLITERAL(kind) for name, kind in keywords.items()})

    return resolve_plain


def kernel(function: Function) -> Function:
    """Compile on first call: cached, no fast-math, a division by zero gives inf or NaN instead of raising.

    The interpreter lock is released, so Python threads may run one kernel over different symbols; no loop is parallel inside.
    """
    return _compile(function)


def constant_kernel(function: Function) -> Function:
    """`kernel`, compiled once more for each constant that a kernel gives it: a division by a constant is a multiplication."""
    return _compile(function, constants=True)


def inner_kernel(function: Function) -> Function:
    """`kernel` for a rule called once per bar: it is always inlined, which spares the reference count of every array it is given."""
    return _compile(function, inline=True)


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether a kernel was compiled before, for any arguments: in this process, or by an earlier one that kept it."""
    compiled: Any = function
    if compiled.signatures:
        return True
    return CACHE_FOLDER is not None and any(Path(compiled._cache.cache_path).glob(f"*.{compiled.py_func.__qualname__}-*.nbi"))


def borrowed(value: Borrowed) -> Borrowed:
    """The same arrays, alone or in (named) tuples, without their owner: for the one function that Python calls with a large state.

    Its caller holds them as long as it runs. Compiled code counts the owners of every array that it takes out of a tuple, by atomic instructions that
    cost more than a rule on one event; where there is no owner there is nothing to count. What is borrowed must not be returned.
    """
    return value


@intrinsic
def _without_owner(_typing: Any, value: Any) -> Any:
    def strip(context: Any, builder: Any, kind: Any, found: Any) -> Any:
        if isinstance(kind, numba_types.BaseTuple):
            for place, inner in enumerate(cast(Any, kind).types):
                found = builder.insert_value(found, strip(context, builder, inner, builder.extract_value(found, place)), place)
            return found
        if not isinstance(kind, numba_types.Array):
            return found
        array = context.make_array(kind)(context, builder, found)
        array.meminfo = array.meminfo.type(None)
        array.parent = array.parent.type(None)
        return array._getvalue()

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return strip(context, builder, signature.args[0], arguments[0])

    return value(value), generate


# Without annotations: numba compares the two signatures letter by letter.
@overload(borrowed, inline="always")
def _compiled_borrowed(value):  # type: ignore[no-untyped-def]
    return lambda value: _without_owner(value)  # type: ignore[call-arg]  # noqa: PLW0108 - numba wants a function of Python


def lean_kernel(function: Function) -> Function:
    """`kernel` for a rule that is handed many arrays and allocates none: it borrows them, and counts no reference. Call it from kernels only."""
    return _compile(function, counted=False)


def inner_lean_kernel(function: Function) -> Function:
    """`lean_kernel`, always inlined: passing twenty arrays costs more than most rules."""
    return _compile(function, inline=True, counted=False)


def plain(function: Function) -> Function:
    """The same source as plain Python, inner kernels included: the free oracle of every compiled rule."""
    return _plain(function, {})  # type: ignore[no-any-return]


def _plain(function: Any, known: dict[int, Any]) -> Any:
    if not isinstance(function, CPUDispatcher):
        return function
    if id(function) not in known:
        source = cast(types.FunctionType, function.py_func)
        scope: dict[str, Any] = {}
        twin = types.FunctionType(source.__code__, scope, source.__name__, source.__defaults__, source.__closure__)
        known[id(function)] = twin
        scope.update({name: _plain(value, known) for name, value in source.__globals__.items()})
    return known[id(function)]
