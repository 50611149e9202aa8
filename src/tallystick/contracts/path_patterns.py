"""Path patterns: `RESULTS/runs/{run_id}/manifest.json`. `{name}` is one folder or file part; `{name*}` is one or more parts."""

from __future__ import annotations

import re
from functools import cache

from tallystick.contracts.errors import ConfigurationError

_PART = re.compile(r"\{([a-z_]+)(\*?)\}")
_SAFE = re.compile(r"^(?!\.{1,2}$)[^/\x00-\x1f]+$")


def fill(pattern: str, parts: dict[str, str]) -> str:
    """The pattern with its named parts put in. Raises ConfigurationError for a missing, extra or unsafe part."""
    names = [name for name, _ in _PART.findall(pattern)]
    if sorted(set(names)) != sorted(parts):
        raise ConfigurationError(f"expected the path parts {sorted(set(names))}, found {sorted(parts)}", where=pattern)
    for name, many in _PART.findall(pattern):
        value = parts[name]
        pieces = value.split("/") if many else [value]
        if not all(_SAFE.match(piece) for piece in pieces):
            raise ConfigurationError(f"expected a plain file name for {{{name}}}, found {value!r}", where=pattern)
    return _PART.sub(lambda match: parts[match.group(1)], pattern)


@cache
def regex(pattern: str) -> re.Pattern[str]:
    """A compiled expression that matches exactly the paths of the pattern and names their parts."""
    out, position, seen = [], 0, set[str]()
    for match in _PART.finditer(pattern):
        out.append(re.escape(pattern[position : match.start()]))
        name, many = match.groups()
        out.append(f"(?P={name})" if name in seen else f"(?P<{name}>{'.+' if many else '[^/]+'})")
        seen.add(name)
        position = match.end()
    out.append(re.escape(pattern[position:]))
    return re.compile("^" + "".join(out) + "$")


def match(pattern: str, path: str) -> dict[str, str] | None:
    """The named parts of a path that fits the pattern, else None."""
    found = regex(pattern).match(path)
    return found.groupdict() if found else None
