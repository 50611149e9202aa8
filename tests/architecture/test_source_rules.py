"""House rules over every source file. Each message names the cure; each exception stands here, in the open, with its reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from tests.fakes.source_tree import ROOT, SourceFile, dotted, imports, listed_files, python_files

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
BANNED_STEMS = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "types", "manager"})
OUTSIDE = ("adapters", "apps")

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
WORLD_READERS = {"kernels/kernel.py": "the compiler's cache folder is chosen while modules are imported, before any settings exist; it cannot change a result"}
PATH_JOINERS = {
    "artifacts/paths.py": "the one place where artifact paths are made",
    "artifacts/seal.py": "the names in a seal are relative to the sealed folder, whatever it is",
    "artifacts/signature.py": "the seal of a folder, whatever it is",
    "apps/registry_folder.py": "a folder that the user names for an exported registry, outside any workspace",
    "apps/cli/doctor.py": "the probe file that tells whether a folder can be written is no artifact",
    "kernels/kernel.py": "the compiler's cache lies in the user's cache folder, outside any workspace",
}
PRINTERS = {"apps/cli/output.py": "the one place that writes to standard output"}

CLOCK = re.compile(
    r"^(time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|process_time|sleep|localtime|gmtime)"
    r"|(datetime\.)?datetime\.(now|utcnow|today)|(datetime\.)?date\.today)$"
)
CHANCE = re.compile(r"^(random\.\w+|secrets\.\w+|uuid\.uuid[14]|os\.urandom|(np|numpy)\.random\.\w+)$")
ENVIRONMENT = re.compile(r"^(os\.(environ|environb|getenv|putenv)|sys\.argv)\b")
SEEDED = re.compile(r"^(random\.Random|(np|numpy)\.random\.(default_rng|PCG64|Philox|SeedSequence|Generator))$")
ANNOTATION_ONLY = re.compile(r"^(np|numpy)\.random\.(Generator|BitGenerator|SeedSequence)$")


def source() -> tuple[SourceFile, ...]:
    return python_files("src")


def fail_with(cure: str, found: list[str]) -> None:
    assert not found, f"{cure}:\n  " + "\n  ".join(found)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_are_short() -> None:
    found = [
        f"{item.path}: {lines} lines"
        for top in ("src", "scripts", "tests")
        for item in python_files(top)
        if (lines := item.text.count("\n")) > MAX_FILE_LINES and item.path not in LONG_FILES
    ]
    fail_with(f"Split by subject, at most {MAX_FILE_LINES} lines (or list the file in LONG_FILES with its reason)", found)


def test_functions_are_short() -> None:
    found = [
        f"{item.path}:{node.lineno} {node.name}: {lines} lines"
        for item in source()
        for node in functions(item.tree)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES and f"{item.in_package}:{node.name}" not in LONG_FUNCTIONS
    ]
    fail_with(f"Take a step out under its own name, at most {MAX_FUNCTION_LINES} lines (or list it in LONG_FUNCTIONS with its reason)", found)


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in ("Exception", "BaseException") for kind in kinds)


def test_broad_except_never_swallows() -> None:
    found = [
        f"{item.path}:{node.lineno}"
        for item in source()
        for node in ast.walk(item.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    fail_with("Catch the errors that you can answer, or raise again after cleaning up", found)


@pytest.mark.parametrize("item", [pytest.param(item, id=item.path) for item in source() if item.room not in OUTSIDE])
def test_no_clock_chance_or_environment_inside_the_house(item: SourceFile) -> None:
    if item.in_package in WORLD_READERS:
        return
    found = []
    for node in ast.walk(item.tree):
        name = dotted(node) if isinstance(node, ast.Attribute) else ""
        if CLOCK.match(name) or ENVIRONMENT.match(name) or (CHANCE.match(name) and not SEEDED.match(name) and not ANNOTATION_ONLY.match(name)):
            found.append(f"{item.path}:{node.lineno} {name}")
        if isinstance(node, ast.Call) and SEEDED.match(dotted(node.func)) and not node.args and not node.keywords:
            found.append(f"{item.path}:{node.lineno} {dotted(node.func)}() without a seed")
    hidden = ("time.time", "time.monotonic", "time.perf_counter", "os.environ", "os.getenv", "os.urandom", "uuid.uuid4", "random.random")
    found += [f"{item.path}:{line} {name}" for name, line in imports(item.tree) if name.startswith(("secrets", *hidden))]
    fail_with("Take it as an argument (now_ns, a seeded generator, settings); adapters and apps read the world", found)


def test_no_banned_file_stems() -> None:
    found = [item.path for top in ("src", "tests", "scripts") for item in python_files(top) if item.path.rsplit("/", 1)[-1].removesuffix(".py") in BANNED_STEMS]
    fail_with("Name the file by its one subject", found)


def _joins_path(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        is_method = isinstance(node.func, ast.Attribute) and node.func.attr == "joinpath"
        return is_method or name in ("os.path.join", "path.join") or (name in ("Path", "pathlib.Path") and len(node.args) > 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return any(isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str)) for side in (node.left, node.right))
    return False


@pytest.mark.clause("D1.67", "D1.68")
def test_artifact_paths_are_joined_in_one_place() -> None:
    found = [f"{item.path}:{node.lineno}" for item in source() if item.in_package not in PATH_JOINERS for node in ast.walk(item.tree) if _joins_path(node)]
    fail_with("Ask artifacts/paths.py (Workspace.path or a get_…_dir) for the path", found)


def test_only_risk_builds_an_approved_order() -> None:
    found = [
        f"{item.path}:{node.lineno}"
        for item in source()
        if item.room not in ("risk", "contracts")
        for node in ast.walk(item.tree)
        if isinstance(node, ast.Call) and (dotted(node.func).rsplit(".", 1)[-1] == "ApprovedOrder" or dotted(node.func).endswith("ApprovedOrder.__new__"))
    ]
    fail_with("Send the order through risk.review.review_orders; nothing else may mint an ApprovedOrder", found)


def test_nothing_prints() -> None:
    found = [
        f"{item.path}:{node.lineno}"
        for item in source()
        if item.in_package not in PRINTERS
        for node in ast.walk(item.tree)
        if isinstance(node, ast.Call) and dotted(node.func) in ("print", "pprint.pprint")
    ]
    fail_with("Return a value; apps/cli/output.py shows it", found)


def test_no_unfinished_work_is_left() -> None:
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", r"\bNotImplemented" + "Error", "pragma: no" + " cover", r"mark\.sk" + "ip", r"\bxf" + "ail")))
    found = [
        f"{item.path}:{number} {line.strip()[:80]}"
        for top in ("src", "tests", "scripts")
        for item in python_files(top)
        for number, line in enumerate(item.text.splitlines(), 1)
        if marks.search(line)
    ]
    fail_with("Finish it, or write an issue and take the mark out", found)


def test_no_machine_path_or_package_index_in_listed_files() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted", "--index" + "-url", "extra" + "-index"]
    places = ["/wo" + "rk/", "/tm" + "p/", "/ro" + "ot/", "/ho" + "me/"]
    marks = re.compile("|".join([*map(re.escape, hosts), *(rf"(?<![\w.<}}])(?:{re.escape(place)})" for place in places)]))
    found = []
    for name in listed_files():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        found += [f"{name}:{number} {line.strip()[:80]}" for number, line in enumerate(text.splitlines(), 1) if marks.search(line)]
    fail_with("Take the path from an argument, a setting or tmp_path; name no package index", found)
