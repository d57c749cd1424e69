"""Experiments in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from os import PathLike
from typing import Any

from offrl_core.algos import Algorithm
from offrl_core.dataset import Dataset
from offrl_core.experiments.axes import ExperimentError, Range, Sampling
from offrl_core.experiments.choices import USUAL, of_dataset
from offrl_core.experiments.design import Design
from offrl_core.experiments.results import Results
from offrl_core.experiments.running import Progress, Stop, run_jobs
from offrl_core.experiments.store import Store, usual_folder
from offrl_core.progress import progress_bar


def run(
    design: Design,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Stop | None = None,
) -> Results:
    """Train what is not there yet, and return all results.

    It may be stopped or killed at any point and run again: jobs whose results are in the store are not done again.
    A job whose worker dies is done again by another one, three times in all, and is then recorded as failed, with the
    reason; the others go on. An error in the job itself is recorded at once.

    Args:
        design: what to train.
        store: where results are, and are put.
        executor: who does the jobs; by default worker processes of the lowest priority on this machine, which end with
            this call.
        progress: told after each job, and once before the first.
        stop: asked several times a second; jobs that have not begun are then left for another time.

    Raises:
        ExperimentError: that is no executor, results cannot be written, or the executor is broken. What is there is
            kept.
    """
    if executor is not None and not isinstance(executor, Executor):
        raise ExperimentError(f"executor = {executor!r} is not allowed: it must be an executor of concurrent.futures")
    run_jobs(design.jobs, design.own, store, executor, progress, stop)
    return Results(design, store)


def experiment(
    datasets: str | Mapping[str, Any] | Dataset | Iterable[str | Mapping[str, Any] | Dataset],
    algorithms: str | Mapping[str, Any] | type[Algorithm] | Iterable[str | Mapping[str, Any] | type[Algorithm]],
    *,
    axes: Mapping[str, Sequence[Any] | Range | Mapping[str, Any]] | None = None,
    seeds: int | Sequence[int] = 5,
    steps: int = 800,
    approximator: str | Sequence[str] = USUAL,
    sampling: Sampling = "grid",
    points: int = 0,
    sampling_seed: int = 0,
    evaluate: int | Sequence[int] = 10,
    estimates: Sequence[str] = (),
    folder: str | PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: bool | Callable[[Progress], object] | None = None,
    stop: Stop | None = None,
) -> Results:
    """Train every algorithm on every dataset at every point of the axes with every seed, and return the results.

    What was computed before is found again by what it is, also when an earlier experiment computed it or was killed.

    Args:
        datasets: names of the catalogue, `{"name": "double-crossing", "options": {"episodes": 50}}`, or datasets.
        algorithms: names, `{"name": "cql", "approximator": "mlp", "hyperparameters": {"alpha": 1}}`, or classes that
            `load_algorithms` has given.
        axes: name → values, or a range `{"low": 0.01, "high": 1, "scale": "log"}` for a sampled design. A
            hyperparameter opens for every algorithm that has it, `cql.alpha` for that one only; `x.episodes` is an
            option of the datasets, and may stand without `x.` where no algorithm has such a hyperparameter.
        seeds: how many seeds (0, 1, …), or the seeds themselves.
        steps: updates of each model.
        approximator: of the algorithms that do not name one: `table`, `linear`, `mlp`, several of them, or `usual`,
            which suits each dataset.
        sampling, points, sampling_seed: `grid` takes the product of the axes; `random` and `sobol` take so many points.
        evaluate: in how many even stretches runs are looked at, or the steps themselves.
        estimates: estimates of each policy's return from the data: `fqe`, `wis`, `dr`. They take their time.
        folder: where results are kept; by default in this user's cache, or where `OFFRL_EXPERIMENTS` says.
        executor: any executor of `concurrent.futures`, such as that of a Dask cluster (`Client.get_executor()`); by
            default worker processes on this machine that leave everything else its turn.
        progress: whether to draw a bar (by default in a terminal or notebook), or a function that is told how far it
            is.
        stop: such as a `threading.Event`: once it is set, what has not begun is left for another time.

    Raises:
        ExperimentError: a name or value is not allowed, there are too many runs, or results cannot be written.
    """
    own: dict[str, Dataset] = {}
    chosen = []
    for given in _several(datasets):
        if isinstance(given, Dataset):
            choice, brought = of_dataset(given)
            own |= brought
            chosen.append(choice.to_json())
        else:
            chosen.append(given)
    networks = [approximator] if isinstance(approximator, str) else list(approximator)
    learning = [entry for given in _several(algorithms) for entry in _with_approximators(given, networks)]
    data = {
        "datasets": chosen,
        "algorithms": learning,
        "axes": axes or {},
        "sampling": sampling,
        "points": points,
        "sampling_seed": sampling_seed,
        "seeds": seeds,
        "steps": steps,
        "evaluate": evaluate,
        "estimates": estimates,
    }
    design = Design.from_json(data, own)
    store = Store(usual_folder() if folder is None else folder)
    if callable(progress):
        return run(design, store, executor, progress, stop)
    with progress_bar(design.updates, f"{design.runs:,} runs", "updates", progress) as tell:
        done = 0

        def told(now: Progress) -> None:
            nonlocal done
            tell(now.updates_done - done)
            done = now.updates_done

        return run(design, store, executor, told, stop)


def _several(given: Any) -> list[Any]:
    """A list of what may be given alone; what is no list stays, to be refused as an entry."""
    alone = isinstance(given, (str, Mapping, Dataset, type)) or not isinstance(given, Iterable)
    return [given] if alone else list(given)


def _with_approximators(given: Any, approximators: Sequence[str]) -> list[Any]:
    """The entries of an algorithm: one for each approximator, unless it names its own."""
    if isinstance(given, (str, type)):
        given = {"name": getattr(given, "name", given)}
    if not isinstance(given, Mapping) or "approximator" in given:
        return [given]
    return [{**given, "approximator": approximator} for approximator in approximators]
