"""Training from end to end: rank targets, route them on evidence, choose features, fit, judge, and write what document 1 and document 3 ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.artifacts.paths import Workspace, get_run_dir
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.training import CodeVersion, Manifest, RoutingDecision
from tallystick.market.bars import BarPanel
from tallystick.training.config import TrainingConfig
from tallystick.training.dataset import Dataset, build_dataset
from tallystick.training.evaluation import Evaluation, evaluate
from tallystick.training.fitting import FamilyTask, Outcome
from tallystick.training.identity import compact_time, digest, panel_fingerprint
from tallystick.training.manifest import build_manifest, snapshot_number, write_manifest, write_routing
from tallystick.training.model_runs import ModelRun, write_model_run
from tallystick.training.packaging import PackagedModel, RunContext, package
from tallystick.training.plans import FamilyResult, ModelPlan, fits_of, plan_model, read_back, target_rows
from tallystick.training.ports import Clock, Compute, ModelFamily, ProgressSink, Workers
from tallystick.training.progress import ProgressReporter
from tallystick.training.ranking import plan_ranking, score_target
from tallystick.training.routing import decide, views_of


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """One model of a run: its package, its skills, its learned-model run and the gate's verdict."""

    package: PackagedModel
    evaluation: Evaluation
    run: ModelRun


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """A finished training run. `models` is empty when routing blocked every target."""

    run_id: str
    run_instance_id: str
    folder: Path
    manifest: Manifest
    manifest_sha256: str
    routing: Mapping[str, RoutingDecision]
    models: tuple[TrainedModel, ...]
    seal_sha256: str


def train(
    workspace: Workspace,
    panel: BarPanel,
    config: TrainingConfig,
    *,
    now_ns: int,
    families: Sequence[ModelFamily],
    compute: Compute,
    code_version: CodeVersion,
    coverage_sha256: str | None,
    progress: ProgressSink,
    clock: Clock | None = None,
) -> TrainedRun:
    """Train every routed target with every family of the config on the panel, and seal the run's folder.

    The last `test_share_pct` of the panel is never fitted on; the promotion gate judges there. `clock` stamps progress and the end of the run; without it,
    every time is `now_ns` and two runs are equal byte by byte (decision 69). Nothing counts before the manifest, which is written last.
    Raises ConfigurationError for a family that was not given, DataError for a panel that is too short, and what the compute port raises.
    """
    known = {model.family: model for model in families}
    missing = sorted(set(config.families) - set(known))
    if missing:
        raise ConfigurationError(f"expected model families among {sorted(known)}, found {', '.join(missing)}", where="training.families")
    data_fingerprint = panel_fingerprint(panel)
    run_id = f"{config.name}-{digest(config.document())[:8]}"
    instance = f"{compact_time(now_ns)}_{digest([run_id, data_fingerprint, code_version])[:8]}"
    reporter = ProgressReporter(run_id, len(config.targets), progress, clock or (lambda: now_ns))
    chosen = [known[name] for name in config.families]
    try:
        with compute.start(chosen) as workers:
            dataset = build_dataset(panel, config)
            routing = _rank(dataset, config, known[config.ranking_family], workers, reporter)
            plans = _plan(dataset, config, routing, reporter)
            results = _fit(dataset, config, plans, chosen, workers, reporter)
        context = RunContext(
            workspace=workspace,
            config=config,
            run_id=run_id,
            run_instance_id=instance,
            created_ns=now_ns,
            code=code_version,
            data_fingerprint=data_fingerprint,
            coverage_sha256=coverage_sha256,
            snapshot_seq=snapshot_number(workspace, run_id, instance),
            routing_signature=digest(dict(routing)),
        )
        trained = _write(context, dataset, routing, results, reporter, clock)
        reporter.run_complete()
    except BaseException as error:
        reporter.error(error)
        raise
    return trained


def _rank(dataset: Dataset, config: TrainingConfig, model: ModelFamily, workers: Workers, reporter: ProgressReporter) -> dict[str, RoutingDecision]:
    reporter.stage("ranking", 2 * len(config.targets))
    plans = {}
    for target in sorted(config.targets):
        plans[target] = plan_ranking(dataset, target, config, model)
        reporter.step(target)
    found: dict[str, dict[str, Outcome]] = {target: {} for target in plans}

    def keep(outcome: Outcome) -> None:
        found[outcome.target][outcome.key] = outcome

    workers.run([plan.task for plan in plans.values()], on_result=keep, on_wait=reporter.beat)
    decisions = {}
    for target, plan in plans.items():
        skill = score_target(dataset, plan, config, found[target])
        decisions[target] = decide(
            skill, config.thresholds(target), max_symbols_for_ss=config.max_symbols_for_ss, universe=len(dataset.symbols), targets=len(plans)
        )
        reporter.step(target)
    return decisions


def _plan(dataset: Dataset, config: TrainingConfig, routing: Mapping[str, RoutingDecision], reporter: ProgressReporter) -> dict[str, list[ModelPlan]]:
    reporter.stage("feature_selection", len(routing))
    plans: dict[str, list[ModelPlan]] = {}
    for target, decision in routing.items():
        views = views_of(decision)
        overridden = not views and config.train_blocked
        if overridden:
            views = ("CROSS_SECTIONAL",)
        if not views:
            reporter.target_complete(target, "skipped", 0)
            continue
        shared = target_rows(dataset, target, config)
        places = [(view, symbol) for view in views for symbol in ((None,) if view == "CROSS_SECTIONAL" else decision.winner_symbols or ())]
        plans[target] = []
        for view, symbol in places:
            plans[target].append(plan_model(dataset, shared, view, symbol, config, blocked_override=overridden))
            reporter.beat()
        reporter.step(target)
    return plans


def _fit(
    dataset: Dataset,
    config: TrainingConfig,
    plans: Mapping[str, list[ModelPlan]],
    models: Sequence[ModelFamily],
    workers: Workers,
    reporter: ProgressReporter,
) -> list[FamilyResult]:
    fits = {plan.key: fits_of(plan, dataset, config) for mine in plans.values() for plan in mine}
    tasks = [
        FamilyTask(model=model, matrix=mine[0].shared.rows.matrix, fits=tuple(fit for plan in mine for fit in fits[plan.key]))
        for model in models
        for mine in plans.values()
    ]
    reporter.stage("training", sum(len(task.fits) for task in tasks))
    found: dict[tuple[str, str], Outcome] = {}

    def keep(outcome: Outcome) -> None:
        found[outcome.family, outcome.key] = outcome
        reporter.step(outcome.target)

    workers.run(tasks, on_result=keep, on_wait=reporter.beat)
    results = []
    for mine in plans.values():
        for plan in mine:
            for model in models:
                outcomes = {fit.key: found[model.family, fit.key] for fit in fits[plan.key]}
                out_of_fold, final = read_back(plan, fits[plan.key], outcomes)
                results.append(
                    FamilyResult(
                        plan=plan,
                        family=model.family,
                        extension=model.extension,
                        objective=model.objective,
                        normalization=model.normalization,
                        out_of_fold=out_of_fold,
                        final=final,
                        outcome=outcomes[fits[plan.key][-1].key],
                    )
                )
    return results


def _write(
    context: RunContext,
    dataset: Dataset,
    routing: Mapping[str, RoutingDecision],
    results: Sequence[FamilyResult],
    reporter: ProgressReporter,
    clock: Clock | None,
) -> TrainedRun:
    folder = get_run_dir(context.workspace, context.run_id, context.run_instance_id)
    break_seal(folder)
    evaluations = [evaluate(dataset, result, context.config) for result in results]
    packages = [package(context, dataset, result, evaluation) for result, evaluation in zip(results, evaluations, strict=True)]
    views = {target: sorted({made.view for made in packages if made.target == target}) for target in routing}
    write_routing(context, routing, views)
    finished = clock() if clock is not None else context.created_ns
    models = []
    for result, evaluation, made in zip(results, evaluations, packages, strict=True):
        run = write_model_run(context, dataset, result, evaluation, made, finished, clock_was_read=clock is not None)
        models.append(TrainedModel(package=made, evaluation=evaluation, run=run))
    metadata = {
        "symbols": list(dataset.symbols),
        "interval_minutes": dataset.interval_ns / 60_000_000_000,
        "data_fingerprint": context.data_fingerprint,
        "horizon_minutes": {target: dataset.horizon_bars(target) * dataset.interval_ns // 60_000_000_000 for target in routing},
        "model_runs": [model.run.model_run_id for model in models],
        # The gate's verdicts lie outside this run's folder: the manifest vouches for them, so that nobody who trades has to believe an altered one.
        "model_run_seals": {model.run.model_run_id: model.run.seal_sha256 for model in models},
        "routes": {target: decision.route for target, decision in routing.items()},
    }
    manifest = build_manifest(context, routing, packages, metadata)
    manifest_sha256 = write_manifest(context, manifest)
    for target in manifest.target_index:
        reporter.target_complete(target, "success", sum(1 for made in packages if made.target == target))
    return TrainedRun(
        run_id=context.run_id,
        run_instance_id=context.run_instance_id,
        folder=folder,
        manifest=manifest,
        manifest_sha256=manifest_sha256,
        routing=routing,
        models=tuple(models),
        seal_sha256=seal_folder(folder),
    )
