"""The documents of a run: metadata, config, metrics, report with its machine block, and the page for people."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import canonical_json, plain
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.contracts.run_documents import (
    COMMAND_OF,
    CONTRACT_TYPE_OF,
    SCHEMA_VERSION,
    ArtifactEntry,
    CoverageReference,
    MachineContract,
    ReportHeader,
    Reproduce,
    RunReport,
    RunSummary,
)
from tallystick.contracts.runs import RUNS_ROOT, ResolvedConfig
from tallystick.contracts.training import CodeVersion


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who asked, with which code, on which data; `created_at` as ISO-8601 UTC."""

    created_at: str
    code: CodeVersion
    request_id: str | None
    config_path: str | None
    coverage: tuple[CoverageReference, ...]
    data_sha256: str | None

    @property
    def code_version(self) -> str:
        """Package version and the first twelve digits of the hash over its sources."""
        return f"{self.code.version}+{self.code.source_sha256[:12]}"


def config_hash(document: Any) -> str:
    """SHA-256 of the canonical JSON of a resolved configuration."""
    return sha256_bytes(canonical_json(document))


def universe_flags(config: ResolvedConfig, pool_from: str | None) -> dict[str, str]:
    """The flag that gives a run the same symbols from the same source again. pool_from: the history of the pool that it followed."""
    if pool_from is not None:
        return {"pool-from": pool_from}
    return {"ticker": config.ticker} if config.universe_version is None else {"pool-version": config.universe_version}


def search_command(name: str, config: ResolvedConfig, created_at: str, pool_from: str | None) -> str:
    """The command that makes a search again from its resolved configuration, which names symbols but not the pool that they came from."""
    pool = [part for flag, value in universe_flags(config, pool_from).items() if flag != "ticker" for part in (f"--{flag}", value)]
    return shlex.join(["tallystick", name, "--config", f"{RUNS_ROOT}/{{run_id}}/config_resolved.yaml", *pool, "--now", created_at])


def entries(files: Mapping[str, bytes]) -> tuple[ArtifactEntry, ...]:
    """The files beside a report, sorted by name."""
    return tuple(ArtifactEntry(file_name=name, size_bytes=len(data), sha256=sha256_bytes(data)) for name, data in sorted(files.items()))


def machine_block(
    *,
    mode: str,
    status: str,
    run_id: str,
    request_id: str | None,
    summary: RunSummary,
    folder: str,
    names: Sequence[str],
    best_result: Mapping[str, Any] | None = None,
) -> MachineContract:
    """The result for machines; `artifacts` maps `<stem>_path` to each file's path below the workspace, and `artifacts_path` to the folder."""
    paths = {f"{name.rsplit('/', 1)[-1].split('.')[0]}_path": f"{folder}/{name}" for name in sorted(names)}
    return MachineContract.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "contract_type": CONTRACT_TYPE_OF[mode],
            "command": COMMAND_OF[mode],
            "status": status,
            "request_id": request_id,
            "run_id": run_id,
            "mode": mode,
            "summary": plain(summary),
            "artifacts": {"artifacts_path": folder, **paths},
            **({"best_result": plain(best_result)} if best_result is not None else {}),
        }
    )


def report_document(
    *,
    mode: str,
    status: str,
    run_id: str,
    provenance: Provenance,
    config: Mapping[str, Any],
    command: str,
    summary: RunSummary,
    files: Mapping[str, bytes],
    folder: str,
    results: Sequence[Mapping[str, Any]] = (),
    sections: Mapping[str, Any] | None = None,
    best_result: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`report.json` as plain values. files: everything else in the folder, by name; sections: costs, exposure, benchmark and the like."""
    code = provenance.code
    header = ReportHeader.model_validate(
        {
            "run_id": run_id,
            "mode": mode,
            "created_at": provenance.created_at,
            "git_commit": code.git_sha,
            "code_version": provenance.code_version,
            "python_version": platform.python_version(),
            "config_path": provenance.config_path,
        }
    )
    block = machine_block(
        mode=mode,
        status=status,
        run_id=run_id,
        request_id=provenance.request_id,
        summary=summary,
        folder=folder,
        names=[*files, "report.json"],
        best_result=best_result,
    )
    reproduce = Reproduce(
        command=command,
        config_hash=config_hash(config),
        code_version=provenance.code_version,
        git_commit=code.git_sha,
        coverage=provenance.coverage,
        data_sha256=provenance.data_sha256,
    )
    found: dict[str, Any] = plain(
        {
            "schema_version": SCHEMA_VERSION,
            "artifact_type": "quantlab_run_report",
            "status": status,
            "header": header,
            "config_resolved": config,
            "results": list(results),
            "artifacts": entries(files),
            "summary": summary,
            "machine_contract": block,
            "reproduce": reproduce,
            **(sections or {}),
        }
    )
    return found


def percent(value: float | None) -> str:
    """A fraction as percent with two decimals, a dash where there is none."""
    return "–" if value is None else f"{value * 100:.2f} %"


def number(value: float | None) -> str:
    """Two decimals, a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def summary_lines(summary: RunSummary) -> list[str]:
    """The core results as a table for people."""
    return [
        "| result | value |",
        "|---|---:|",
        f"| total return | {percent(summary.total_return)} |",
        f"| Sharpe (simple) | {number(summary.sharpe_simple)} |",
        f"| max drawdown | {percent(summary.max_drawdown)} |",
        f"| closed trades | {summary.trades} |",
        f"| win rate | {percent(summary.win_rate)} |",
    ]


def worth_lines(report: RunReport) -> list[str]:
    """What the results are worth, for people: luck, choice, size."""
    lines: list[str] = []
    found, room, search = report.evidence, report.capacity, report.overfitting
    if found is not None:
        trials = "the only trial" if found.trials == 1 else f"one of {found.trials} trials"
        lines += [
            "",
            f"Probability that the true Sharpe is above 0: {percent(found.probabilistic_sharpe)}; deflated, as {trials}: {percent(found.deflated_sharpe)}.",
        ]
        for name, item in (found.bootstrap.intervals if found.bootstrap is not None else {}).items():
            show = number if name == "sharpe_simple" else percent
            lines.append(f"{name.replace('_', ' ')}: {show(item.low)} to {show(item.high)} in 95 % of resamples.")
    if room is not None and room.largest_equity is not None:
        lines += ["", f"Largest account with every fill within 1 % of its bar's volume: {room.largest_equity:,.0f}."]
    if search is not None:
        lines += ["", f"Probability of backtest overfitting: {percent(search.probability)} ({search.trials} trials, {search.choices} choices)."]
    return lines


def warning_lines(report: RunReport) -> list[str]:
    """What to know before believing the result, for people; nothing where there is nothing to know."""
    return [line for warning in report.warnings or () for line in ("", f"**{warning}**")]


def run_page(report: RunReport) -> bytes:
    """`run_report.md`."""
    config, costs, exposure, benchmark = report.config_resolved, report.costs, report.exposure, report.benchmark
    lines = [f"# Run {report.header.run_id}", "", f"{config['strategy']} on {config['ticker']}, {config['interval']} bars of {config['venue']}."]
    lines += ["", f"From {config['start']} to {config['end']}; universe: {report.universe_source}."]
    lines += [report.universe_note] if report.universe_note else []
    lines += warning_lines(report)
    lines += ["", *summary_lines(report.summary)]
    if benchmark is not None:
        lines += [f"| buy and hold | {percent(benchmark.total_return)} |", f"| above buy and hold | {percent(benchmark.excess_return)} |"]
    if costs is not None and exposure is not None:
        split = "" if costs.spread is None else f" (spread {costs.spread}, slippage {costs.slippage})"
        lines += ["", f"Fees {costs.fees}, spread and slippage {costs.spread_and_slippage}{split}, {costs.fills} fills, turnover {number(costs.turnover)}."]
        lines += [f"Mean gross exposure {percent(exposure.mean_gross)}, in the market {percent(exposure.time_in_market)} of the time."]
        lines += [f"Funding paid {costs.funding}." if costs.funding_included else "Funding payments are not included."]
        lines += [f"Positions taken away by liquidation: {costs.liquidated}."] if costs.liquidated else []
    lines += worth_lines(report)
    if report.annualisation is not None:
        lines += ["", f"Annualised with {report.annualisation.says}."]
    if report.results:
        lines += ["", "| symbol | result | closed trades | win rate |", "|---|---:|---:|---:|"]
        lines += [f"| {row['ticker']} | {row['realized_pnl']:.2f} | {row['trades']} | {percent(row['win_rate'])} |" for row in report.results]
    if report.reproduce is not None:
        lines += [
            "",
            "Make it again:",
            "",
            f"    {report.reproduce.command}",
            "",
            f"Code {report.reproduce.code_version}, configuration {report.reproduce.config_hash}.",
        ]
    return "".join(f"{line}\n" for line in lines).encode()


def relative_names(files: Mapping[Path, bytes], folder: Path) -> dict[str, bytes]:
    """Files by their names below a folder."""
    return {path.relative_to(folder).as_posix(): data for path, data in files.items()}
