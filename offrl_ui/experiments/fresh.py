"""Both numbers of the chosen settings: what they were chosen by, and what they are worth on fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from offrl_core.experiments import Choice
from offrl_core.links import OPTION
from offrl_core.writing import number
from offrl_ui.experiments.marks import interval, title_of, word_of

UNITS = {"normalised": "normalised return", "judged": "true return"}
TITLE = "The best settings, and what they are worth on fresh seeds"
WHY = (
    "Choosing a setting by its true return is tuning online: it needs the world that offline learning does without, "
    "and the highest of many numbers is high by luck, too. Here the best setting of each algorithm on each dataset "
    "stands with the number that it was chosen by, and with what it is worth on {fresh} seeds that had no part in the "
    "choice."
)


def unit_of(frame: pd.DataFrame) -> str:
    """The number that is reported: normalised where the behaviour and the best within the data differ."""
    return "normalised" if "normalised" in frame and frame["normalised"].notna().any() else "judged"


def show(choice: Choice, found: pd.DataFrame, score: str) -> None:
    """The table of both numbers, and their means.

    Args:
        choice: what was chosen.
        found: the rows of its runs on fresh seeds.
        score: the number that is reported.
    """
    table = choice.table(found, score)
    st.dataframe(
        pd.DataFrame([_row(choice, row) for row in table.to_dict("records")]),
        hide_index=True,
        alt="The chosen settings with both numbers",
    )
    st.caption(_said(table, UNITS[score]))


def _row(choice: Choice, row: Mapping[str, Any]) -> dict[str, Any]:
    settings = [name for name in choice.design.columns if not name.startswith(OPTION)]
    settings += ["approximator"] if choice.frame["approximator"].nunique() > 1 else []
    chosen = [f"{word_of(name)} {title_of(name, row[name])}" for name in settings if not _missing(row[name])]
    dataset, *options = row["task"].split(" ", 1)
    return {
        "Dataset": " ".join([title_of("dataset", dataset), *options]),
        "Algorithm": title_of("algorithm", row["algorithm"]),
        "Best setting": ", ".join(chosen) or "the only one",
        "Chosen from": row["configurations"],
        "By choice": number(row["chosen_on"]),
        "Seeds": row["seeds"],
        "Afresh": number(row["fresh"]) if np.isfinite(row["fresh"]) else "",
        "95 % interval": interval(row["fresh_low"], row["fresh_high"]).strip(),
        "Fresh seeds": row["fresh_seeds"],
        "Diverged afresh": row["fresh_diverged"],
    }


def _missing(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isnan(value))


def _said(table: pd.DataFrame, unit: str) -> str:
    """Both means over the settings that were chosen among several."""
    there = table[(table["configurations"] > 1) & np.isfinite(table["fresh"]) & np.isfinite(table["chosen_on"])]
    said = (
        f"Means of the {unit} over the seeds of the choice and over fresh ones, which are not in the pictures; "
        "intervals: bootstrap over the fresh seeds."
    )
    if not len(there):
        return said
    chosen, fresh = there["chosen_on"].mean(), there["fresh"].mean()
    return (
        f"{said} Over the {len(there)} settings that were chosen among several: {number(chosen)} by the seeds of the "
        f"choice, {number(fresh)} on fresh ones."
    )
