"""Links: how a run is written as the parts of an address. What reads them is the playground's.

A link of version 1 is short and readable: `v=1&data=double-crossing&x.episodes=50&algo=bcq&net=mlp&seeds=4&rho=0.3`.
`x.` precedes the dataset's options; the first lane's hyperparameters stand by their own names, those of the lanes after
it behind `2.`, `3.`, `4.`. Values separated by commas open an axis. What is not named has its default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from offrl_core.declarations import Hyperparameter, Value

VERSION = "1"
DEFAULT_BUDGET = 20_000
"""Updates after which a run stops whose link does not say so."""
DEFAULT_DEVICE = "cpu"
OPTION = "x."
"""What stands before an option of the dataset."""


def written(value: Value | tuple[Value, ...]) -> str:
    """A value, or the values of an axis, as a link has them: the shortest text that reads back as the same."""
    if isinstance(value, tuple):
        return ",".join(map(written, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def data_parts(name: str, options: Mapping[str, Value], declared: Iterable[Hyperparameter]) -> dict[str, str]:
    """The parts for a dataset; options that have their default are left out."""
    changed = {h.name: value for h in declared if (value := options.get(h.name, h.default)) != h.default}
    return {"v": VERSION, "data": name} | {OPTION + option: written(value) for option, value in changed.items()}


def lane_parts(
    algorithm: str,
    approximator: str,
    seeds: int,
    hyperparameters: Mapping[str, Value | tuple[Value, ...]],
    *,
    first_seed: int = 0,
    file: str = "",
    device: str = DEFAULT_DEVICE,
    lane: int = 0,
) -> dict[str, str]:
    """The parts for one learner.

    Args:
        algorithm, approximator, seeds, first_seed, device: as in `Learner`; the seeds are `first_seed`, and so on.
        hyperparameters: those that are not to have their default.
        file: the name of the file or package that an algorithm of one's own is in.
        lane: which learner of the run it is, from 0 on.
    """
    parts = {"algo": algorithm}
    if file:
        parts["file"] = file
    parts |= {"net": approximator, "seeds": str(seeds)}
    if first_seed:
        parts["first_seed"] = str(first_seed)
    if device != DEFAULT_DEVICE:
        parts["device"] = device
    parts |= {name: written(value) for name, value in hyperparameters.items()}
    before = "" if lane == 0 else f"{lane + 1}."
    return {before + name: text for name, text in parts.items()}


def budget_parts(budget: int) -> dict[str, str]:
    """The part for the updates after which the run stops, 0 for never."""
    return {} if budget == DEFAULT_BUDGET else {"budget": str(budget)}


def address(parts: Mapping[str, str], page: str = "") -> str:
    """The parts as an address, `page?v=1&…`; characters that addresses may hold stay readable."""
    return f"{page}?{urlencode(parts, safe=',:;^/')}"
