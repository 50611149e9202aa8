"""A second program: it knows document 3 and the standard library, and nothing of the house. Run as `python -I -S document_three_reader.py WORKSPACE`.

Lists the runs of the shared index in its three forms, reads each run's report, ranks and compares them, and reads paper sessions and learned-model runs.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

KPIS = ("total_return", "sharpe_simple", "max_drawdown", "trades", "win_rate")
METADATA = ("run_id", "created_at", "mode", "status", "command", "config_path", "config_hash", "request_id")
CONFIG = ("ticker", "start", "end", "interval")
METRICS = ("status", "summary", "best_result", "leaderboard_size")
REPORT = ("schema_version", "artifact_type", "status", "header", "config_resolved", "results", "artifacts", "summary")
MACHINE = ("schema_version", "contract_type", "command", "status", "request_id", "run_id", "mode", "summary", "artifacts")
SESSION = ("session_id", "status", "started_at", "updated_at", "terminal", "status_reason")
SESSION_FILES = ("session_metadata.json", "session_status.json", "config.json", "metrics.json", "report.json", "trades.csv", "run_report.md")
MODEL_FILES = ("dataset_manifest.json", "feature_manifest.json", "model_config.json", "training_summary.json")


def load(folder: Path, name: str, fields: tuple[str, ...]) -> dict:
    """A document with every field that the contract names. Older names are read where the new ones are absent."""
    older = {"metadata.json": "meta.json", "report.json": "run_report.json"}
    path = folder / name
    if not path.is_file() and name in older:
        path = folder / older[name]
    document = json.loads(path.read_text())
    missing = [field for field in fields if field not in document]
    if missing:
        raise SystemExit(f"{path}: no {missing[0]}")
    return document


def read_run(folder: Path) -> dict:
    """One run from its folder alone."""
    metadata = load(folder, "metadata.json", METADATA)
    config = load(folder, "config.json", CONFIG)
    metrics = load(folder, "metrics.json", METRICS)
    report = load(folder, "report.json", REPORT)
    block = report["machine_contract"]
    missing = [field for field in MACHINE if field not in block]
    if missing or block["run_id"] != metadata["run_id"] != folder.name:
        raise SystemExit(f"{folder}: {missing or 'another run'}")
    if metadata["mode"] == "run" and report["summary"] != block["summary"]:
        raise SystemExit(f"{folder}: two summaries")
    for entry in report["artifacts"]:
        if (folder / entry["file_name"]).stat().st_size != entry["size_bytes"]:
            raise SystemExit(f"{folder}: {entry['file_name']} has another size")
    return {"metadata": metadata, "config": config, "summary": block["summary"], "contract_type": block["contract_type"], "best": metrics["best_result"]}


def read_index(root: Path) -> list[str]:
    """The run ids of the shared index, the same in all three forms."""
    document = json.loads((root / "runs_index.json").read_text())
    ids = [row["run_id"] for row in document["runs"]]
    with (root / "runs_index.csv").open(newline="") as file:
        table = [row["run_id"] for row in csv.DictReader(file)]
    page = (root / "runs_index.md").read_text()
    if ids != table or any(name not in page for name in ids):
        raise SystemExit("the index says three things")
    return ids


def read_session(folder: Path) -> dict:
    """A paper session: its life cycle and its result."""
    for name in SESSION_FILES:
        if not (folder / name).is_file():
            raise SystemExit(f"{folder}: no {name}")
    status = load(folder, "session_status.json", SESSION)
    if status["terminal"] and "finished_at" not in status:
        raise SystemExit(f"{folder}: terminal and never finished")
    if status["status"] != "success" and not status.get("message"):
        raise SystemExit(f"{folder}: no message")
    block = load(folder, "report.json", REPORT)["machine_contract"]
    return {"status": status["status"], "contract_type": block["contract_type"], "run_id": block["run_id"], "command": block["command"]}


def main(workspace: Path) -> dict:
    """Everything that document 3 lets a stranger see."""
    outputs = workspace / "outputs"
    ids = read_index(outputs / "runs")
    runs = {name: read_run(outputs / "runs" / name) for name in ids}
    known = [name for name in ids if runs[name]["summary"]["sharpe_simple"] is not None]
    sessions_root, models_root = outputs / "paper_sessions", outputs / "model_runs"
    sessions = {folder.name: read_session(folder) for folder in sorted(sessions_root.iterdir())} if sessions_root.is_dir() else {}
    models = {}
    for folder in sorted(models_root.iterdir()) if models_root.is_dir() else ():
        documents = [load(folder, name, ("schema_version", "artifact_type", "model_run_id")) for name in MODEL_FILES]
        models[folder.name] = documents[3]["promotion_assessment"]["eligible_for_paper"]
    return {
        "runs": {name: item["contract_type"] for name, item in runs.items()},
        "ranked": sorted(known, key=lambda name: (-runs[name]["summary"]["sharpe_simple"], name)),
        "compared": {name: [runs[run_id]["summary"][name] for run_id in ids] for name in KPIS},
        "sessions": sessions,
        "models": models,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
