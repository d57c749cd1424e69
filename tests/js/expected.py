"""What Python says: messages that its encoder wrote and numbers that numpy computed, for the JavaScript suites."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

import offrl_core as orl
from offrl_core.glossary import TERMS, marked
from offrl_core.learning.metric_catalogue import metrics
from offrl_live.runs import wire
from offrl_live.runs.films import world_message
from tests.interquartile import interquartile_mean


def write_expected(path: Path) -> None:
    """Write everything as JSON to `path`; numbers that JSON does not know stand as text (`"NaN"`, `"Infinity"`)."""
    said = {"wire": _message(), "interquartile": _interquartile_means(), "glossary": _terms(), "world": _world()}
    path.write_text(json.dumps(said, allow_nan=False))


def _terms() -> list[list[str]]:
    """Sentences with terms in them, and with those marked: what is said of metrics and of the terms themselves."""
    sentences = [metric.help for metric in metrics().values()] + [term.text for term in TERMS]
    sentences += ["Weighted importance sampling, importance sampling", "off-policy, disadvantages, Ā-advantage, ESS"]
    return [[text, marked(text, lambda key, words: f"[{words}]({key})")] for text in sentences]


def _world() -> dict[str, Any]:
    """A slippery world as a recording has it, a policy in it, and what that earns exactly."""
    data = orl.load_dataset("frozen-lake")
    mdp, message = data.mdp, world_message(data)
    assert mdp is not None
    assert message is not None
    policy = np.random.default_rng(3).dirichlet(np.ones(mdp.n_actions), size=mdp.n_states)
    return {
        "message": base64.b64encode(message).decode(),
        "actions": mdp.n_actions,
        "P": mdp.P.reshape(-1, mdp.n_states).tolist(),
        "R": mdp.R.reshape(-1).tolist(),
        "policy": policy.ravel().tolist(),
        "terminal": mdp.terminal.tolist(),
        "gamma": 0.9,
        "value": float(mdp.initial @ mdp.value(policy, 0.9)),
    }


def _message() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    fields = {
        "whole": rng.normal(size=(3, 5)).astype(np.float32),
        "half": np.array([0.0, -1.5, 65504.0, 6e-8, np.inf, -np.inf, np.nan], np.float16),
        "byte": wire.quantise(np.array([[0.0, np.nan, 2.5], [-3.0, 1.0, 0.125]])),
        "count": np.array([1, -7, 2**31 - 1], np.int32),
        "mask": np.array([True, False, True]),
    }
    message = wire.encode({"kind": "frame", "step": 3}, fields)
    _, decoded = wire.decode(message)
    return {
        "message": base64.b64encode(message).decode(),
        "values": {name: [_plain(v) for v in array.astype(float).ravel()] for name, array in decoded.items()},
        "shapes": {name: list(array.shape) for name, array in decoded.items()},
    }


def _plain(value: float) -> float | str:
    if np.isnan(value):
        return "NaN"
    return float(value) if np.isfinite(value) else f"{'-' if value < 0 else ''}Infinity"


def _interquartile_means() -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    samples = [rng.normal(size=n) for n in (1, 2, 3, 4, 5, 8, 13)]
    return [{"values": sample.tolist(), "mean": float(interquartile_mean(sample))} for sample in samples]
