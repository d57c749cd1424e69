"""Stored experiments: questions whose answers came out of many runs, each with a prediction to make first.

`python -m offrl_ui.experiments.studies` computes all of them anew, or only those that are named behind it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from offrl_core.experiments import Choice, Design, Job, Progress, Results, Store
from offrl_core.experiments.running import run_jobs
from offrl_core.experiments.statistics import interquartile_mean, online_budget
from offrl_core.names import unknown
from offrl_core.progress import progress_bar
from offrl_core.writing import number
from offrl_live.serving.environment import experiment_limits
from offrl_ui.experiments.marks import title_of

LECTURE = (
    *("bc", "emrl", "rwr", "marwil", "awr", "awac", "crr", "iql", "mpo"),
    *("q-learning", "mc-q", "constrained-q", "bcq", "cql"),
)
"""The fourteen systems of the lecture: an algorithm that somebody brings along is not among the stored runs."""
SUFFIX = ".parquet"
AFRESH = "-afresh"
_FOLDER = "results"
KEPT = (
    *("return", "judged", "normalised", "value_start", "td_error", "fqe", "wis", "dr"),
    *("diverged", "diverged_how", "behavior_return", "best_return", "best_kind", "failed"),
)
"""What is stored of the metrics: what the pictures show."""


@dataclass(frozen=True)
class Study:
    """A stored experiment.

    Attributes:
        id: its name in links.
        title: a few words.
        question: what is asked, in a sentence.
        ask, choices, right: the prediction: what is asked first, what may be answered, and which answer is right.
        say: the answer in two sentences, written from the stored numbers.
        claims: what the answer and the right choice say, each as a sentence and whether the numbers bear it out.
        plain: the design as plain data.
        picture, by: the picture that answers it, and what that compares.
        metric: `normalised`, or `judged` where returns of one world are compared over different data.
    """

    id: str
    title: str
    question: str
    ask: str
    choices: tuple[str, ...]
    right: int
    say: Callable[[pd.DataFrame], str]
    claims: Callable[[pd.DataFrame], Mapping[str, bool]]
    plain: Mapping[str, Any] = field(hash=False)
    picture: str = "scores"
    by: str = "algorithm"
    metric: str = "normalised"

    @cached_property
    def design(self) -> Design:
        """What is trained."""
        return Design.from_json(self.plain)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The stored results, as `Results.frame` has them but for metrics that no picture shows."""
        return _read(self.stored())

    @cached_property
    def choice(self) -> Choice:
        """The best configurations by the stored numbers."""
        return Choice(self.design, self.frame)

    @cached_property
    def afresh(self) -> pd.DataFrame:
        """The stored rows of their runs on fresh seeds."""
        return _read(self.stored(AFRESH))

    def stored(self, suffix: str = "") -> bytes:
        """The file of its results, or of the runs on fresh seeds."""
        return files("offrl_ui.experiments").joinpath(_FOLDER, self.id + suffix + SUFFIX).read_bytes()

    @cached_property
    def last(self) -> pd.DataFrame:
        """Its rows after the last update."""
        return self.frame[self.frame["step"] == self.design.steps]

    @cached_property
    def answer(self) -> str:
        """The answer in two sentences."""
        return self.say(self.last)


def _read(data: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(data))


def packed(frame: pd.DataFrame) -> bytes:
    """A table of results as the file that is kept with the program: metrics that no picture shows are left out."""
    metrics = frame.columns[frame.columns.get_loc("step") + 1 :]
    plain = frame.drop(columns=[name for name in metrics if name not in KEPT])
    kinds = {name: "float32" for name in plain if plain[name].dtype == "float64" and name in KEPT}
    texts = {name: "category" for name in plain if plain[name].dtype == object or plain[name].dtype == "str"}
    file = io.BytesIO()
    plain.astype(kinds | texts).to_parquet(file, index=False, compression="zstd", compression_level=19)
    return file.getvalue()


WORLDS = ["double-crossing", "four-rooms", "cliff", "bridge", "u-maze", "frozen-lake"]
CLONING_ASIDE = ["bc", "marwil", "iql", "q-learning", "bcq", "cql"]


def _iqm(runs: pd.DataFrame, by: str | list[str] = "algorithm", score: str = "normalised") -> pd.Series:
    """The interquartile mean of each group of runs, the best first."""
    means = runs.groupby(by, observed=True)[score].agg(lambda values: float(interquartile_mean(values)))
    return means.sort_values(ascending=False)


def _mean(runs: pd.DataFrame, algorithm: str, column: str, score: str = "normalised") -> pd.Series:
    """The mean of an algorithm's runs by the values of a column."""
    return runs[runs["algorithm"] == algorithm].groupby(column, observed=True)[score].mean()


def _which(runs: pd.DataFrame) -> str:
    iqm, naive = _iqm(runs), _iqm(runs[runs["algorithm"] == "q-learning"], "dataset")
    first, second = iqm.index[:2]
    return (
        f"Over all six worlds {title_of('algorithm', first)} comes out first with an interquartile mean of "
        f"{number(iqm[first])}, before {title_of('algorithm', second)} with {number(iqm[second])}. Naive Q-learning is "
        f"as good on the two worlds whose data was collected at random, with {number(naive['u-maze'])} and "
        f"{number(naive['frozen-lake'])}, and on the other four it earns less than the behaviour did."
    )


def _which_claims(runs: pd.DataFrame) -> dict[str, bool]:
    iqm, naive = _iqm(runs), _iqm(runs[runs["algorithm"] == "q-learning"], "dataset")
    bcq = _iqm(runs[runs["algorithm"] == "bcq"], "dataset")
    return {
        "BCQ comes out first": iqm.index[0] == "bcq",
        "naive Q-learning is as good as BCQ on data collected at random": bool(
            (naive[["u-maze", "frozen-lake"]] >= bcq[["u-maze", "frozen-lake"]] - 0.01).all()
        ),
        "it earns less than the behaviour on four worlds": int((naive < 0).sum()) == 4,
    }


def _data(runs: pd.DataFrame) -> str:
    bcq, bc, marwil = (_mean(runs, name, "x.episodes", "judged") for name in ("bcq", "bc", "marwil"))
    best = runs["best_return"].max()
    return (
        f"With 1,000 random episodes BCQ earns {number(bcq[1000])} of the possible {number(best)}, with 100 of them "
        f"{number(bcq[100])}. Cloning and one step of improvement do not profit from more: even with 10,000 episodes "
        f"BC earns {number(bc[10000])} and MARWIL {number(marwil[10000])}."
    )


def _data_claims(runs: pd.DataFrame) -> dict[str, bool]:
    bcq, best = _mean(runs, "bcq", "x.episodes", "judged"), runs["best_return"].max()
    few = max(_mean(runs, name, "x.episodes", "judged")[10000] for name in ("bc", "marwil"))
    return {
        "with 300 episodes BCQ is not within a tenth of the best": bool(bcq[300] < 0.9 * best),
        "with 1,000 it is": bool(bcq[1000] >= 0.9 * best),
        "BC and MARWIL stay below a tenth of the best": bool(few < 0.1 * best),
    }


SETTINGS = {"rwr": "temperature", "iql": "expectile", "bcq": "rho", "cql": "alpha"}


def _spans(runs: pd.DataFrame) -> dict[str, float]:
    """By how much the mean return moves between the worst and the best value of each setting."""
    means = {name: _mean(runs, name, setting) for name, setting in SETTINGS.items()}
    return {name: float(mean.max() - mean.min()) for name, mean in means.items()}


def _settings(runs: pd.DataFrame) -> str:
    spans, rho = _spans(runs), _mean(runs, "bcq", "rho")
    return (
        f"From its worst to its best value IQL's expectile moves the mean return by {number(spans['iql'], 2)}, "
        f"CQL's α by {number(spans['cql'], 2)}, BCQ's ρ by {number(spans['bcq'], 2)} and RWR's temperature by "
        f"{number(spans['rwr'], 2)}. BCQ scores {number(rho[0.2])} at ρ = 0.2 over all worlds and noise levels, and "
        f"{number(rho[0.0])} at ρ = 0, which is naive Q-learning, and {number(rho[0.6])} at ρ = 0.6."
    )


def _settings_claims(runs: pd.DataFrame) -> dict[str, bool]:
    spans, rho = _spans(runs), _mean(runs, "bcq", "rho")
    return {
        "the expectile matters least": min(spans, key=lambda name: spans[name]) == "iql",
        "the temperature matters most": max(spans, key=lambda name: spans[name]) == "rwr",
        "BCQ is best at 0.2": float(rho.idxmax()) == 0.2,
    }


def _network(runs: pd.DataFrame) -> str:
    iqm = _iqm(runs, ["algorithm", "approximator"])
    mlp = _mean(runs[runs["approximator"] == "mlp"], "bcq", "dataset")
    return (
        f"BCQ scores {number(iqm['bcq', 'table'])} with a table, {number(iqm['bcq', 'mlp'])} with a network and "
        f"{number(iqm['bcq', 'linear'])} with a linear function, which earns less than the behaviour with all "
        f"five algorithms. The network is as good as the table on double crossing, with "
        f"{number(mlp['double-crossing'])}, and it fails on four rooms, with {number(mlp['four-rooms'])}."
    )


def _network_claims(runs: pd.DataFrame) -> dict[str, bool]:
    iqm = _iqm(runs, ["algorithm", "approximator"])
    mlp, table = (_mean(runs[runs["approximator"] == kind], "bcq", "dataset") for kind in ("mlp", "table"))
    linear = iqm.xs("linear", level="approximator")
    return {
        "every algorithm is below the behaviour with a linear function": bool((linear < 0).all()),
        "the table is before the network, the network before the linear function": bool(
            iqm["bcq", "table"] > iqm["bcq", "mlp"] > iqm["bcq", "linear"]
        ),
        "the network is as good on double crossing": bool(mlp["double-crossing"] > table["double-crossing"] - 0.01),
        "it fails on four rooms": bool(mlp["four-rooms"] < 0),
    }


def _ways(runs: pd.DataFrame, resamples: int = 0) -> pd.DataFrame:
    """What the policy has that each way chooses: by an estimate, or by trying so many in the world."""
    table = online_budget(runs, checkpoints=False, resamples=resamples)
    return table.set_index(["chosen_by", "tried"])[["value", "low", "high"]]


def _choosing(runs: pd.DataFrame) -> str:
    way = _ways(runs)["value"]
    return (
        f"On average over the four datasets the policy with the highest doubly robust estimate scores "
        f"{number(way['dr', 0])} and that with the highest weighted importance sampling {number(way['wis', 0])}, as "
        f"good as the best of ten that are tried in the world ({number(way['trying', 10])}); trying all sixty "
        f"gives {number(way['trying', 60])}. Fitted Q evaluation chooses one with {number(way['fqe', 0])}, the "
        f"smallest TD error one with {number(way['td_error', 0])}, and the highest own value one with "
        f"{number(way['value_start', 0])}, no better than chance at {number(way['trying', 1])}."
    )


def _choosing_claims(runs: pd.DataFrame) -> dict[str, bool]:
    table = _ways(runs, resamples=500)
    way, rules = table["value"], table.xs(0, level="tried")
    best = rules.loc[["dr", "wis"]]
    return {
        "the two estimates with weights choose best, and no other's interval reaches theirs": bool(
            best["low"].min() > rules.drop(["dr", "wis"])["high"].max()
        ),
        "they are as good as trying ten": bool(best["value"].min() > way["trying", 10] - 0.01),
        "all sixty are more": bool(way["trying", 60] > best["value"].max()),
        "a value of its own is no better than chance": bool(
            table["high"]["trying", 1] > way["value_start", 0] > table["low"]["trying", 1]
        ),
    }


_ALL = (
    Study(
        "which-algorithm",
        "Which algorithm when?",
        "Fourteen algorithms on six worlds whose truth is known, twenty seeds each: is one of them always best?",
        "Naive Q-learning trusts the values of actions that nobody tried. On how many of the six worlds does it end "
        "below the behaviour that collected the data?",
        ("On none: it improves on it everywhere", "On two of them", "On four of them", "On all six"),
        2,
        _which,
        _which_claims,
        {"datasets": WORLDS, "algorithms": list(LECTURE), "seeds": 20, "steps": 2000},
    ),
    Study(
        "how-much-data",
        "How much data is enough?",
        "Ten to ten thousand random episodes on a frozen lake: what does each algorithm make of them?",
        "From how many random episodes on does BCQ earn nine tenths of what is possible?",
        ("From 100 on", "From 1,000 on", "From 10,000 on", "Never: the episodes are random"),
        1,
        _data,
        _data_claims,
        {
            "datasets": ["frozen-lake"],
            "algorithms": CLONING_ASIDE,
            "axes": {"x.episodes": [10, 30, 100, 300, 1000, 3000, 10000], "x.seed": [0, 1, 2]},
            "seeds": 6,
            "steps": 1000,
            "evaluate": 5,
        },
        picture="settings",
        metric="judged",
    ),
    Study(
        "what-settings-buy",
        "What do ρ, α, τ and the expectile buy?",
        "One setting each of BCQ, CQL, RWR and IQL on three worlds, with clean and with noisy behaviour.",
        "Which of the four settings matters least?",
        ("RWR's temperature τ", "IQL's expectile", "BCQ's threshold ρ", "CQL's penalty α"),
        1,
        _settings,
        _settings_claims,
        {
            "datasets": ["double-crossing", "four-rooms", "bridge"],
            "algorithms": list(SETTINGS),
            "axes": {
                "x.epsilon": [0.0, 0.2, 0.4],
                "rwr.temperature": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
                "iql.expectile": [0.5, 0.7, 0.9, 0.97],
                "bcq.rho": [0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6],
                "cql.alpha": [0.0, 0.1, 0.3, 1.0, 3.0, 10.0],
            },
            "seeds": 6,
            "steps": 1000,
            "evaluate": 5,
        },
        picture="settings",
    ),
    Study(
        "what-the-network-changes",
        "What does the network change?",
        "Five algorithms on three grid worlds, with a table, a linear function and a network.",
        "With a table, BCQ reaches the best that the data allows on all three worlds. What is left of that with a "
        "linear function of the cell?",
        ("All of it", "About half of it", "Nothing: it earns less than the behaviour did"),
        2,
        _network,
        _network_claims,
        {
            "datasets": ["double-crossing", "four-rooms", "cliff"],
            "algorithms": [
                {"name": name, "approximator": approximator}
                for name in ("bc", "iql", "q-learning", "bcq", "cql")
                for approximator in ("table", "linear", "mlp")
            ],
            "seeds": 10,
            "steps": 2000,
        },
        by="approximator",
    ),
    Study(
        "without-an-environment",
        "Can I choose without an environment?",
        "Sixty policies on intensive-care data and on three grid worlds: which one to take, by the data alone?",
        "Nothing may be tried in the world. Which rule chooses the best policy?",
        (
            "The highest value that a learner gives its own policy",
            "The smallest TD error",
            "The highest estimate that weighs the recorded episodes: importance sampling or doubly robust",
            "None of them is better than chance",
        ),
        2,
        _choosing,
        _choosing_claims,
        {
            "datasets": [
                {"name": "icu-sepsis", "options": {"episodes": 2000}},
                "four-rooms",
                "cliff",
                "frozen-lake-8x8",
            ],
            "algorithms": ["bc", "iql", "q-learning", "bcq", "cql"],
            "axes": {"iql.expectile": [0.5, 0.9], "bcq.rho": [0.02, 0.1, 0.3], "cql.alpha": [0.1, 1.0, 10.0]},
            "seeds": 6,
            "steps": 1000,
            "evaluate": [1000],
            "estimates": ["fqe", "wis", "dr"],
        },
        picture="budget",
    ),
)

STUDIES = {study.id: study for study in _ALL}


def main(names: list[str]) -> None:
    """Compute stored experiments and keep them with the program. What this machine has computed of them before is not
    computed again.

    Raises:
        SystemExit: there is no experiment of a name, or a job could not be done: its files stay as they were.
    """
    store = Store(experiment_limits().folder)
    for name in names:
        if name not in STUDIES:
            raise SystemExit(unknown("stored experiment", name, STUDIES))
    folder = Path(__file__).parent / _FOLDER
    folder.mkdir(exist_ok=True)
    for study in [STUDIES[name] for name in names] or STUDIES.values():
        results = Results(study.design, store)
        _compute(study.design.jobs, store, study.id)
        data = packed(results.frame)
        # Chosen by the numbers as they are stored, so that the same are chosen whenever they are read.
        choice = Choice(study.design, _read(data))
        _compute(choice.jobs, store, study.id + AFRESH)
        for suffix, kept in (("", data), (AFRESH, packed(results.afresh(choice)))):
            (folder / (study.id + suffix + SUFFIX)).write_bytes(kept)
            print(f"{study.id + suffix:32} {len(kept) / 1000:8.1f} kB")


def _compute(jobs: Sequence[Job], store: Store, name: str) -> None:
    done = failed = 0
    with progress_bar(sum(job.updates for job in jobs), name, "updates", True) as tell:

        def told(progress: Progress) -> None:
            nonlocal done, failed
            tell(progress.updates_done - done)
            done, failed = progress.updates_done, progress.failed

        run_jobs(jobs, {}, store, progress=told)
    if failed:
        raise SystemExit(f"{name}: {failed:,} of {len(jobs):,} jobs could not be done; what is stored stays as it was")


if __name__ == "__main__":
    main(sys.argv[1:])
