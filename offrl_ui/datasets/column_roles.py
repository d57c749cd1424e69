"""Which column of a log is what, and how it is taken: what can be chosen, and what each choice means."""

from __future__ import annotations

import math

from offrl_core.formats import FORMATS, ColumnInfo, Limits, Preview

NONE = "(none)"
ONE_COLUMN = {
    "reward": ("Reward", ""),
    "episode": ("Episode", ""),
    "time": ("Time within the episode", ""),
    "done": ("Ended (terminated)", ""),
    "timeout": ("Cut off (truncated)", ""),
    "end": ("Last row, whatever ended it", ""),
    "start": ("First row", ""),
    "behavior": ("Who acted (behaviour)", ""),
    "propensity": (
        "Probability of the action",
        "How likely the behaviour was to take the action that it took, above 0 and up to 1, or the natural logarithm "
        "of that. Importance sampling weighs by it; without it, the probability is estimated from the log.",
    ),
}
"""Roles of one column each: their labels, and what they mean where the label does not say it."""

SEVERAL = {
    "state": "State (one column of labels or numbers, or several)",
    "action": "Action (one column, or several that make one action)",
    "next_state": "Next state, if the file has it",
}
"""Roles of several columns."""

ONE_MEANING = {
    "states": (
        "State type",
        {"auto": "automatic", "table": "a number per distinct state", "vector": "a vector of numbers"},
    ),
    "reward_row": (
        "The reward in a row",
        {"same": "belongs to the row's own action", "next": "was received on arriving in the row's state"},
    ),
    "both": (
        "Rows flagged both terminated and truncated",
        {"terminated": "count as terminated", "truncated": "count as cut off"},
    ),
    "unflagged": (
        "An episode whose last row has no flag",
        {"truncated": "was cut off", "terminated": "ended in a terminal state"},
    ),
    "each_row": (
        "A row is",
        {
            "step": "one step of its episode",
            "episode": "an episode of its own (bandit)",
            "trajectory": "a whole episode, a list in each column",
        },
    ),
    "last_row": (
        "The last row of an episode is",
        {"decision": "a decision like the others", "state": "no more than the final state (RLDS)"},
    ),
    "missing": ("Episodes with missing values", {"refuse": "refuse the file", "drop": "leave them out"}),
}
"""Fields of the mapping that are one of a few words: their labels, and what each word means."""

NEEDED = "reward"
ACTIONS = {
    "auto": "automatic",
    "labels": "labels: each value, or each combination of values",
    "one-hot": "one-hot: the column that is 1",
    "quantiles": "bins: quantiles of each number",
    "k-means": "bins: clusters of all numbers (k-means)",
}
BINNED = {
    "quantiles": (
        "Quantiles of each number",
        "Each number is cut into bins that hold equally many rows, and each combination of bins is an action.",
    ),
    "k-means": (
        "Clusters",
        "Rows whose numbers lie close together, in standard deviations, are one action.",
    ),
}
LOSS = "An action's label is the centre of its bin. The report says how much of the actions' variance the bins keep."
MOST_BINS = Limits().actions

ACTION_TYPE = "Action type"
SHRINK = "Shrink frames by a factor of"
AS_NEEDED = "as little as needed"
WHAT_SHRINKS = (
    "For observations that are pictures: height and width are divided by it, and each pixel is the mean of an area. "
    "Left empty, frames are shrunk only as far as the limit of an observation asks for; the report says how far."
)
MOST_SHRUNK = 64
GAMMA = "Discount γ of the returns and of training"
MORE = "More about the columns"


def question(preview: Preview) -> str:
    """What is asked of a table: its format, its size, and where the guess comes from."""
    rows = f"{preview.rows:,} rows" if preview.rows is not None else "the first rows"
    guessed = "The guess is made from the names and these rows."
    return f"**{FORMATS[preview.format].title}**, {rows}. Which column is what? {guessed}"


def fixed_question(format_: str) -> str:
    """What is asked of a format with names of its own."""
    return f"Continuous actions and frames of {FORMATS[format_].title}"


def sentence(problem: str) -> str:
    """A problem of a mapping as a sentence."""
    return f"{problem[:1].upper()}{problem[1:]}."


def about_actions(how: str, taken: list[ColumnInfo]) -> str:
    """What is made of the columns of the action, in a sentence or two; empty where there is nothing to say."""
    if how in BINNED:
        return f"{BINNED[how][1]} {LOSS}"
    if len(taken) < 2:
        return ""
    sizes = [max(1, column.distinct) for column in taken]
    size = f"{' × '.join(map(str, sizes))} = {math.prod(sizes):,} actions, by the values in these rows"
    if how == "labels":
        return f"Each combination of the {len(taken)} columns' values is an action: {size}."
    if how == "one-hot":
        return f"Exactly one of the {len(taken)} columns must be 1 in each row: {len(taken)} actions."
    return (
        f"If exactly one of the {len(taken)} columns is 1 in each row, they are one-hot: {len(taken)} actions. If not, "
        f"each combination of their values is an action: {size}."
    )


def distinct(names: list[str]) -> list[str]:
    """Names for a table on screen: columns of one name are numbered."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    count: dict[str, int] = {}
    result = []
    for name in names:
        count[name] = count.get(name, 0) + 1
        result.append(f"{name} ({count[name]})" if seen[name] > 1 else name)
    return result
