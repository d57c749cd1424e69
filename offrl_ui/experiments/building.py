"""The controls that an experiment is built with: each change gives another design, as plain data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from offrl_core.algos import algorithms, hyperparameters
from offrl_core.data.catalogue import datasets
from offrl_core.data.log_options import LOG_OPTIONS
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter
from offrl_core.experiments import ExperimentError, Range
from offrl_core.experiments.choices import USUAL
from offrl_core.experiments.design import ESTIMATES, MAX_STEPS
from offrl_core.learning.members import MAX_MEMBERS
from offrl_core.links import OPTION
from offrl_live.runs.datasets import find
from offrl_ui.experiments import running
from offrl_ui.experiments.marks import title_of, word_of
from offrl_ui.setup.links import plain

Plain = dict[str, Any]
SAMPLINGS = {"grid": "every combination", "random": "random points", "sobol": "Sobol points"}
MODELS = {USUAL: "usual for the dataset", "table": "table", "linear": "linear function", "mlp": "network"}
ESTIMATORS = {"fqe": "fitted Q evaluation", "wis": "weighted importance sampling", "dr": "doubly robust"}
FIRST: Plain = {
    "datasets": ["double-crossing", "four-rooms"],
    "algorithms": ["bc", "iql", "q-learning", "bcq"],
    "seeds": 10,
    "steps": 500,
}
"""What is begun with: a few seconds of work, with an answer."""

_RANGE = re.compile(r"\s*(\S+)\s*(?:…|\.\.\.?|to)\s*(\S+?)\s*(log)?\s*")


def build(plain_design: Plain, *, key: str) -> Plain:
    """Show the controls of a design and return what is chosen with them, which may not be allowed.

    Args:
        plain_design: as plain data that nobody has checked; what no control can show gets the control's default.
        key: of the controls; another one for another design from elsewhere.
    """
    chosen = dict(plain_design)
    chosen["datasets"] = _entries("Datasets", _all(plain_design, "datasets"), datasets(), "dataset", key)
    chosen["algorithms"] = _algorithms(_all(plain_design, "algorithms"), key)
    given = plain_design.get("axes", {})
    axes = _axes(chosen, dict(given) if isinstance(given, Mapping) else {}, key)
    ranged = any(isinstance(values, Mapping) for values in axes.values())
    usual = "sobol" if ranged else "grid"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sampling = st.segmented_control(
            "Of the axes take",
            list(SAMPLINGS),
            default=_among(plain_design.get("sampling"), SAMPLINGS, usual),
            format_func=SAMPLINGS.__getitem__,
            key=f"{key}-sampling",
            required=True,
            help="Sobol points fill the space of all axes evenly, with far fewer jobs than every combination.",
        )
        if sampling != "grid":
            many = _whole(plain_design.get("points"), 32, 1, 100_000)
            chosen["points"] = st.number_input("Points", 1, 100_000, many, key=f"{key}-points", width=120)
        else:
            chosen.pop("points", None)
            chosen.pop("sampling_seed", None)
        seeds = plain_design.get("seeds", 5)
        count = len(seeds) if isinstance(seeds, list) and seeds else _whole(seeds, 5, 1, MAX_MEMBERS)
        chosen["seeds"] = st.number_input(
            "Seeds",
            1,
            MAX_MEMBERS,
            min(count, MAX_MEMBERS),
            key=f"{key}-seeds",
            width=110,
            help="Models of each configuration; from six on there are intervals.",
        )
        if isinstance(seeds, list) and chosen["seeds"] == len(seeds):
            chosen["seeds"] = seeds
        updates = _whole(plain_design.get("steps"), 800, 1, MAX_STEPS)
        chosen["steps"] = st.number_input("Updates of each", 1, MAX_STEPS, updates, key=f"{key}-steps", width=140)
        asked = plain_design.get("estimates")
        estimates = st.pills(
            "Estimates from the data",
            list(ESTIMATES),
            selection_mode="multi",
            key=f"{key}-estimates",
            default=[name for name in ESTIMATES if name == asked or (isinstance(asked, list) and name in asked)],
            format_func=ESTIMATORS.__getitem__,
            help="What each policy would earn according to the data alone: they cost time, and make the pictures about "
            "choosing without an environment.",
        )
    # What has its default is not written out, so that a link that leaves it out stays as it is.
    for name, value, default in (("axes", axes, {}), ("sampling", sampling, "grid"), ("estimates", estimates, [])):
        if value == default:
            chosen.pop(name, None)
        else:
            chosen[name] = value
    return chosen


def _among(value: Any, allowed: Mapping[str, str], default: str) -> str:
    return value if isinstance(value, str) and value in allowed else default


def _whole(value: Any, default: int, low: int, high: int) -> int:
    if isinstance(value, float) and value.is_integer():  # 1e3, which a design takes for a thousand, too
        value = int(value)
    fine = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return value if fine else default


def of_text(text: str) -> Plain:
    """The plain data of a design from JSON that nobody has checked.

    Raises:
        ExperimentError: it is not JSON object.
    """
    try:
        given = json.loads(text)
        json.dumps(given, ensure_ascii=False).encode()  # half of a character (\ud800) can be neither shown nor kept
    except (ValueError, RecursionError) as error:
        raise ExperimentError(f"it is not JSON ({error})") from error
    if not isinstance(given, dict):
        raise ExperimentError("a design is a JSON object, between braces")
    return given


def as_text(plain_design: Plain, *, key: str) -> Plain | None:
    """The whole design as JSON, to be changed by hand; None unless it was changed."""
    text = st.text_area(
        "The design as JSON",
        json.dumps(plain_design, indent=1, ensure_ascii=False),
        key=f"{key}-json",
        height=260,
        help="As `orl.experiment` takes it in Python. It may say more than the controls: fixed hyperparameters and "
        "options of a dataset, an axis of one algorithm alone (cql.alpha), the evaluated steps.",
    )
    if not st.button("Use this", key=f"{key}-use"):
        return None
    try:
        given = of_text(text)
    except ExperimentError as error:
        st.error(f"Not taken: {plain(error)}.", icon=":material/data_object:")
        return None
    return given


def _all(design: Plain, name: str) -> list[Any]:
    given = design.get(name)
    return list(given) if isinstance(given, (list, tuple)) else []


def _entries(label: str, given: list[Any], known: Mapping[str, Any], column: str, key: str) -> list[Any]:
    """Choose from the catalogue; entries that say more than a name stay as they are."""
    entries: dict[str, Any] = {name: name for name in known}
    for entry in given:
        entries[_text(entry)] = entry
    picked = st.multiselect(
        label,
        list(entries),
        [_text(entry) for entry in given],
        key=f"{key}-{column}",
        format_func=lambda text: title_of(column, text) if text in known else _told(column, entries[text]),
    )
    return [entries[text] for text in picked]


def _algorithms(given: list[Any], key: str) -> list[Any]:
    models = [str(entry.get("approximator", USUAL)) if isinstance(entry, Mapping) else USUAL for entry in given]
    common = models[0] if models and len(set(models)) == 1 and models[0] in MODELS else None
    several = len(set(models)) > 1
    bare = [_bare(entry) if common else entry for entry in given]
    picked = _entries("Algorithms", bare, algorithms(), "algorithm", key)
    if several:
        st.caption("Each algorithm has a model of its own, as the JSON says.")
        return picked
    model = st.segmented_control(
        "Model",
        list(MODELS),
        default=common or USUAL,
        format_func=MODELS.__getitem__,
        key=f"{key}-model",
        required=True,
    )
    if model == USUAL:
        return picked
    return [{**(entry if isinstance(entry, Mapping) else {"name": entry}), "approximator": model} for entry in picked]


def _bare(entry: Any) -> Any:
    """An algorithm without its approximator."""
    if not isinstance(entry, Mapping):
        return entry
    rest = {name: value for name, value in entry.items() if name != "approximator"}
    return rest["name"] if rest.keys() == {"name"} else rest


def _text(entry: Any) -> str:
    return entry if isinstance(entry, str) else json.dumps(entry, sort_keys=True, ensure_ascii=False)


def _told(column: str, entry: Any) -> str:
    """An entry that says more than a name: `Cliff (episodes 50)`."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        return str(entry)
    more = [part for name in ("options", "hyperparameters") if isinstance(part := entry.get(name), Mapping)]
    words = [f"{word_of(name)} {value}" for part in more for name, value in part.items()]
    if "approximator" in entry:
        model = str(entry["approximator"])
        words.append(MODELS.get(model, model))
    words += ["your own"] if entry.get("own") else []
    return f"{title_of(column, entry['name'])} ({', '.join(words)})" if words else title_of(column, entry["name"])


def _axes(design: Plain, axes: dict[str, Any], key: str) -> dict[str, Any]:
    """A table of axes: which setting, and its values."""
    declared = settings_of(design)
    names = list(dict.fromkeys([*axes, *declared]))
    table = pd.DataFrame(
        [{"setting": name, "values": written(values)} for name, values in axes.items()], columns=["setting", "values"]
    ).astype("str")
    st.markdown("**Axes**: settings that take several values.")
    edited = st.data_editor(
        table,
        num_rows="dynamic",
        hide_index=True,
        key=f"{key}-axes",
        width="stretch",
        column_config={
            "setting": st.column_config.SelectboxColumn(
                "Setting",
                options=names,
                required=True,
                help="Options of the datasets are written with x. in front.",
                width="medium",
            ),
            "values": st.column_config.TextColumn(
                "Values",
                required=True,
                width="large",
                help="Separated by commas: 0, 0.1, 0.3. With random or Sobol points also a range: 0.01 … 1 log",
            ),
        },
    )
    found: dict[str, Any] = {}
    for row in edited.to_dict("records"):
        name, text = row["setting"], row["values"]
        if isinstance(name, str) and isinstance(text, str) and name != "nan" and text not in ("", "nan"):
            h = declared.get(name.rpartition(".")[2] if not name.startswith(OPTION) else name)
            found[name] = read(text, h)
    if axes or not found:
        hints = [f"`{name}` {h.allowed}" for name, h in declared.items() if name in found]
        if hints:
            st.caption("Allowed: " + "; ".join(hints))
    return found


def settings_of(design: Plain) -> dict[str, Hyperparameter]:
    """What may be opened into an axis: hyperparameters of the chosen algorithms, options of the chosen datasets."""
    found: dict[str, Hyperparameter] = {}
    chosen = [known for entry in _all(design, "datasets") if (known := _dataset(entry)) is not None]
    if chosen:
        data = chosen[0][0]
        for entry in _all(design, "algorithms"):
            name = _name(entry)
            wanted = str(entry.get("approximator", USUAL)) if isinstance(entry, Mapping) else USUAL
            model = wanted if wanted != USUAL else "table" if data.tabular else "mlp"
            if name in algorithms():
                try:
                    found |= {h.name: h for h in hyperparameters(name, model, data) if h.name not in found}
                except ValueError:  # a model that this dataset cannot have: the design says so
                    continue
    for _, options in chosen:
        found |= {OPTION + h.name: h for h in options if OPTION + h.name not in found}
    return found


def _dataset(entry: Any) -> tuple[Dataset, tuple[Hyperparameter, ...]] | None:
    """A dataset of a design and what may be chosen of it; None where there is no such one."""
    own = entry.get("own", "") if isinstance(entry, Mapping) else ""
    if own:
        found = running.own_datasets().get(own) if isinstance(own, str) else None
        return (found, LOG_OPTIONS) if found is not None else None
    name = _name(entry)
    return (find(name, {}), datasets()[name].options) if name in datasets() else None


def _name(entry: Any) -> str:
    return str(entry.get("name")) if isinstance(entry, Mapping) else str(entry)


def written(values: Any) -> str:
    """An axis as the text of its cell."""
    if isinstance(values, Range):
        values = values.to_json()
    if isinstance(values, Mapping):
        log = " log" if values.get("scale") == "log" else ""
        return f"{values.get('low')} … {values.get('high')}{log}"
    if isinstance(values, Sequence) and not isinstance(values, str):
        return ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    return str(values)


def read(text: str, h: Hyperparameter | None) -> Any:
    """The text of a cell as the values of an axis; what is no number where one is wanted is left for the design to
    refuse."""
    found = _RANGE.fullmatch(text)
    if found is not None and "," not in text:
        low, high = (_value(found[end], h) for end in (1, 2))
        return {"low": low, "high": high, "scale": "log" if found[3] else "linear"}
    return [_value(part.strip(), h) for part in text.split(",") if part.strip()]


def _value(text: str, h: Hyperparameter | None) -> Any:
    if h is not None and (h.choices or h.text) and not isinstance(h.default, bool):
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
