"""Runs worth seeing, one per lesson of the lecture; each is stored with the app as a recording.

`python -m offrl_ui.gallery.presets` computes all recordings anew, or only those that are named behind it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from offrl_core.names import unknown
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.export import SUFFIX
from offrl_live.runs.recorder import record, schedule

_FOLDER = "recordings"


@dataclass(frozen=True)
class Preset:
    """A run worth seeing.

    Attributes:
        id: its name in links.
        title: a few words.
        sentence: what to look at, and what it shows.
        part: where in the lecture it belongs.
        config: the run.
        steps: updates that are recorded.
        frames: snapshots in the recording at most.
        view: how the stage opens: `mode`, `member`, `state`.
    """

    id: str
    title: str
    sentence: str
    part: str
    config: RunConfig
    steps: int
    frames: int = 120
    view: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stored(self) -> bytes:
        """The recording as it is stored with the app."""
        return files("offrl_ui.gallery").joinpath(_FOLDER, self.id + SUFFIX).read_bytes()

    def compute(self) -> bytes:
        """The recording, computed now."""
        export = record(self.config, schedule(self.steps, self.frames), title=self.title)
        return export.recording(most=self.frames)


def _run(dataset: str, *lanes: Lane, **options: Any) -> RunConfig:
    return RunConfig(dataset, options, lanes)


CLONING, TRIAD, CONSTRAINING = "Cloning, reweighted", "The deadly triad", "Constraining Q"
ICU, MAZE = "Built from records", "Networks"

_ALL = (
    Preset(
        "stitching", "Stitching two roads",
        "No episode walks from start to goal. BCQ takes the first half of one road and the second half of another, "
        "and is exactly optimal.",
        CONSTRAINING, _run("double-crossing", Lane("bcq", seeds=4)), 200, view={"mode": "q"},
    ),
    Preset(
        "cloning-copies", "Cloning copies good and bad alike",
        "BC settles on the data's own frequencies at both crossings and earns what those are worth: 0.23, above the "
        "0.15 of the recorded walks from the start, because now and then it changes roads.",
        CLONING, _run("double-crossing", Lane("bc")), 1500, view={"mode": "policy"},
    ),
    Preset(
        "emrl-runaway", "A reward below zero",
        "EMRL with rewards 1 and −1: the loss has no floor, the logits drift apart for ever, "
        "and the policy is certain after two rows of data.",
        CLONING, _run("two-actions", Lane("emrl"), reward_plus=1.0, reward_minus=-1.0), 400, view={"mode": "policy"},
    ),
    Preset(
        "wrong-weight", "|r| rewards failure",
        "Rewards −2 and 1 weighted by |r|: positive, but not monotonic, so the worst action is copied most.",
        CLONING,
        _run(
            "two-actions", Lane("emrl", hyperparameters={"weight_function": "abs"}), reward_plus=1.0, reward_minus=-2.0
        ),
        600, view={"mode": "policy"},
    ),
    Preset(
        "rwr-temperature", "Temperature, from greedy to cloning",
        "RWR at ten temperatures at once: cold follows the best reward alone, hot comes close to behaviour cloning.",
        CLONING,
        _run(
            "two-actions",
            Lane("rwr", hyperparameters={
                "signal": "reward", "temperature": (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.5, 3.0, 10.0)
            }),
            reward_plus=0.9, reward_minus=0.1,
        ),
        800, view={"mode": "policy"},
    ),
    Preset(
        "rwr-overflow", "exp(G/τ) underflows",
        "Returns of −1 and far below at a low temperature: every weight underflows, and the policy stays as it began.",
        CLONING,
        _run("cliff-walking", Lane("rwr", hyperparameters={"signal": "return", "temperature": 0.005}), episodes=60),
        200, view={"mode": "weights"},
    ),
    Preset(
        "marwil-beta", "MARWIL's β, eight values at once",
        "With β = 0 it is cloning; larger β trusts the advantage more. One step of improvement cannot stitch.",
        CLONING,
        _run("double-crossing", Lane("marwil", hyperparameters={"beta": (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)})),
        1500, view={"mode": "policy"},
    ),
    Preset(
        "iql-expectile", "IQL: from evaluating to stitching",
        "The expectile τ turns the value of the behaviour (τ = ½) into the best value that the data supports (τ → 1).",
        CLONING,
        _run("double-crossing", Lane("iql", hyperparameters={"expectile": (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)})),
        1500, view={"mode": "v"},
    ),
    Preset(
        "naive-q", "The estimate soars, the return is zero",
        "Naive offline Q-learning believes the random start values of actions nobody took: "
        "its estimate lies above anything possible while the true return is 0.",
        TRIAD, _run("double-crossing", Lane("q-learning", seeds=8)), 300, view={"mode": "q"},
    ),
    Preset(
        "deadly-triad", "Doubling out of nothing",
        "All rewards are 0, yet θ doubles with every update: function approximation, bootstrapping and "
        "off-policy data together, until float32 overflows.",
        TRIAD, _run("deadly-triad", Lane("q-learning", "linear")), 140, view={"mode": "q"},
    ),
    Preset(
        "triad-border", "The border of divergence",
        "Half of the rows show the other action: the border then lies at γ = 5/6. At 0.3, 0.5 and 0.7 it settles, "
        "at 0.9 it still runs away.",
        TRIAD,
        _run("deadly-triad", Lane("q-learning", "linear", hyperparameters={"gamma": (0.3, 0.5, 0.7, 0.9)}), share=0.5),
        300, view={"mode": "q"},
    ),
    Preset(
        "constrained", "Ignoring what nobody tried",
        "The maximum takes only actions in the data: one changed line, and the same table is exactly optimal.",
        CONSTRAINING, _run("double-crossing", Lane("constrained-q", seeds=4)), 200, view={"mode": "q"},
    ),
    Preset(
        "bcq-rho", "BCQ's ρ as a whole axis",
        "ρ = 0 is naive Q-learning and earns nothing. From 0.02 to 0.3 it is optimal. Above 0.375, the share of walks "
        "that go on at the first crossing, the road to the goal is closed and it settles for the small reward.",
        CONSTRAINING,
        _run(
            "double-crossing",
            Lane("bcq", seeds=2, hyperparameters={"rho": (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8)}),
        ),
        600, frames=80, view={"mode": "policy"},
    ),
    Preset(
        "cql-forms", "CQL, form by form",
        "Form (a) pushes every value it reaches down without end; (c) and (d) hold the data's action up. They act at "
        "s′, which is never the start, so the first step stays wrong: the paper's form, at s, repairs it.",
        CONSTRAINING,
        _run(
            "double-crossing",
            *(
                Lane("cql", hyperparameters={"form": form}) for form in ("lecture-a", "lecture-c", "lecture-d", "paper")
            ),
        ),
        600, frames=80, view={"mode": "q"},
    ),
    Preset(
        "side-by-side", "Four learners, one dataset",
        "BC, RWR on returns, naive Q-learning and BCQ on the same 100 episodes: "
        "only constrained bootstrapping always changes roads.",
        CONSTRAINING,
        _run(
            "double-crossing",
            Lane("bc", seeds=2), Lane("rwr", seeds=2), Lane("q-learning", seeds=2), Lane("bcq", seeds=2),
        ),
        800, frames=80, view={"mode": "policy"},
    ),
    Preset(
        "icu", "Better than the clinicians' average",
        "Ten thousand episodes sampled from an MDP that was built from intensive-care records, 716 states, 25 doses: "
        "BCQ beats the clinicians' policy that they were sampled with. A treatment that clinicians hardly ever gave "
        "counts as death here, which is an assumption; what it does is shown below.",
        ICU, _run("icu-sepsis", Lane("bcq")), 400, frames=8, view={"mode": "q"},
    ),
)  # fmt: skip


def presets() -> dict[str, Preset]:
    """Every preset by id: that of a first visit, then the others in the order of the lecture."""
    return {preset.id: preset for preset in _ALL}


def main(names: list[str]) -> None:
    """Compute recordings and store them with the app."""
    folder = Path(__file__).parent / _FOLDER
    folder.mkdir(exist_ok=True)
    for name in names:
        if name not in presets():
            raise SystemExit(unknown("preset", name, presets()))
    for preset in [presets()[name] for name in names] or presets().values():
        data = preset.compute()
        (folder / (preset.id + SUFFIX)).write_bytes(data)
        print(f"{preset.id:20} {len(data) / 1000:8.1f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
