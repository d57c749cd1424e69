"""The files that a run can be taken home as."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from offrl_core.algos import algorithms
from offrl_core.standalone.loss_text import is_restated
from offrl_live.runs.export import SUFFIX, RunExport
from offrl_live.runs.script import script
from offrl_ui.playground.replay_file import replay_html
from offrl_ui.shared.asset_files import asset

PYTORCH = "pytorch.zip"
BINARY = "application/octet-stream"
PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True)
class Asked:
    """What is asked for of a run.

    Attributes:
        export: the run.
        query: particulars by name: `member`, `step`, `state`, `mode`.
        read: gives the files of the stage by name.
    """

    export: RunExport
    query: Mapping[str, str]
    read: Callable[[str], bytes] = asset

    def whole(self, name: str, fallback: int = 0) -> int:
        """The whole number of that name.

        Raises:
            ValueError: it is none.
        """
        text = self.query.get(name)
        if text is None:
            return fallback
        if not re.fullmatch(r"\d{1,9}", text):
            raise ValueError(f"{name} = {text!r} is not allowed: it must be a whole number")
        return int(text)

    @property
    def step(self) -> int:
        """How many updates a script makes: those that the run has made, or fewer where they are asked for."""
        last = self.export.frames[-1].step if self.export.frames else 0
        return min(self.whole("step", last), last)

    @property
    def title(self) -> str:
        """The run's."""
        return str((self.export.hello or {}).get("run", {}).get("title") or "")


Maker = Callable[[Asked], bytes]


def _csv(asked: Asked) -> bytes:
    import pandas as pd

    text: str = pd.DataFrame(asked.export.columns()).to_csv(index=False)
    return text.encode()


def _parquet(asked: Asked) -> bytes:
    import pandas as pd

    file = io.BytesIO()
    pd.DataFrame(asked.export.columns()).to_parquet(file, index=False)
    return file.getvalue()


def _script(asked: Asked) -> bytes:
    return script(asked.export.config, asked.step, (asked.export.hello or {}).get("opened")).encode()


def _torch_script(asked: Asked) -> bytes:
    return asked.export.torch_script(asked.whole("member"), asked.step)


def _policies(format: str) -> Maker:
    return lambda asked: asked.export.policies(format)


def _replay(*, charts: bool) -> Maker:
    def make(asked: Asked) -> bytes:
        view = {name: asked.whole(name) for name in ("member", "state") if name in asked.query}
        mode, title = asked.query.get("mode"), asked.title or "Offline RL run"
        return replay_html(asked.export.recording(), title, charts=charts, read=asked.read, mode=mode, **view)

    return make


@dataclass(frozen=True)
class File:
    """A kind of file.

    Attributes:
        what: it is, in words.
        media: its type.
        make: makes it; None where PyTorch is needed for that.
    """

    what: str
    media: str
    make: Maker | None


FILES = {
    "metrics.csv": File("Metrics as CSV, one row per snapshot and model", "text/csv", _csv),
    "metrics.parquet": File("Metrics as Parquet", PARQUET, _parquet),
    "policies.csv": File(
        "What is learned, as CSV by label: policy, Q and V in every state, of vectors at every row of the log",
        "text/csv",
        _policies("csv"),
    ),
    "policies.parquet": File("What is learned, as Parquet", PARQUET, _policies("parquet")),
    "policies.npz": File(
        "What is learned, for Python: `orl.load_policy(path)`, labels in and labels out", BINARY, _policies("npz")
    ),
    PYTORCH: File(
        "One model's training as a single script in PyTorch, and its data: readable, needs numpy and torch only",
        "application/zip",
        _torch_script,
    ),
    "model.pt2": File("One model for PyTorch: `torch.export.load(path).module()`", BINARY, None),
    "model.onnx": File("The same for ONNX Runtime: `states` in, policy, Q and V out", BINARY, None),
    "reproduce.py": File("Python script that computes the same numbers", "text/x-python; charset=utf-8", _script),
    "replay.html": File(
        "The whole run as one page that plays offline", "text/html; charset=utf-8", _replay(charts=True)
    ),
    "replay-small.html": File("The same without the curves (small)", "text/html; charset=utf-8", _replay(charts=False)),
    f"run{SUFFIX}": File(
        "Recording, for this program's stage", "application/gzip", lambda asked: asked.export.recording()
    ),
}
"""By name."""


def offered(algorithm: str) -> list[str]:
    """The files of a run by name where a model of that system is chosen: one of one's own has no script in PyTorch."""
    kind = algorithms().get(algorithm)
    return [name for name in FILES if name != PYTORCH or (kind is not None and is_restated(kind))]


def of_one_model(name: str) -> bool:
    """Whether a file holds one model of the run."""
    return name.startswith(("model.", PYTORCH))


def which_model(algorithms: Collection[str]) -> str:
    """What is asked where a run has several models, of these algorithms."""
    script = any(PYTORCH in offered(name) for name in algorithms)
    return f"Model in {PYTORCH}, model.pt2 and model.onnx" if script else "Model in model.pt2 and model.onnx"


def saved_as(name: str, title: str) -> str:
    """The name to save a file under, made of the title of its run."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return f"{plain[:60] or 'run'}-{name}"
