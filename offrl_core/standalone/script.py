"""A member's training as one script in PyTorch: its data, networks, loss and loop, to read and to run anywhere."""

from __future__ import annotations

import io
import re
import textwrap
import zipfile
from pprint import pformat
from typing import Any

import numpy as np

from offrl_core.algos import declarations
from offrl_core.declarations import Hyperparameter
from offrl_core.standalone import pieces
from offrl_core.standalone.loss_text import loss_text
from offrl_core.standalone.training import Training

SCRIPT, DATA = "train.py", "data.npz"


def torch_package(training: Training) -> bytes:
    """The script and its data as a zip archive.

    Raises:
        ValueError: there is no restatement of the system's loss.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SCRIPT, torch_script(training))
        archive.writestr(DATA, script_data(training))
    return out.getvalue()


def script_data(training: Training) -> bytes:
    """The data that the script reads, as NPZ: the rows as they are learned from, and the features of states."""
    data = training.dataset
    last = np.zeros(len(data), bool)
    last[data.episode_ends] = True
    arrays: dict[str, Any] = {
        "action": data.actions,
        "reward": data.rewards,
        "terminated": data.terminations,
        "last": last,
        "next_action": np.where(np.append(data.has_target[1:], False), data.next_actions, -1),
    }
    name = "state" if data.tabular else "observation"
    arrays |= {name: data.observations, f"next_{name}": data.next_observations}
    if not training.all_known:
        arrays["has_target"] = data.has_target
    if not training.table and training.values["encoding"] in data.features:
        arrays["features"] = data.features[str(training.values["encoding"])]
    if _pairs(training):
        arrays["pair_features"] = data.action_features
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def torch_script(training: Training) -> str:
    """The script.

    Raises:
        ValueError: there is no restatement of the system's loss.
    """
    functions = ("loss", "curvature") if training.plain_table else ("loss",)
    text = loss_text(training.kind, training.choices, functions=functions, all_known=training.all_known)
    read = set(re.findall(r"\brows\.(\w+)", text))
    parts = [
        _head(training),
        _data(training, read),
        _networks(training, read),
        _rows(training, read, text),
        "\n\n# The loss.\n\n\n" + text.rstrip("\n") + "\n",
        _loop(training, read),
    ]
    return "".join(parts)


def _pairs(training: Training) -> bool:
    return training.approximator == "linear" and training.dataset.action_features is not None


def _head(training: Training) -> str:
    kind = training.kind
    imports = ["import copy"] if _copied(training) else []
    imports.append("from dataclasses import dataclass")
    if training.values["batch_size"]:
        imports.append("from functools import lru_cache")
    imports += ["from pathlib import Path", "", "import numpy as np", "import torch", "from torch import nn"]
    held = ", ".join(f"{name} = {value}" for name, value in training.choices.items())
    about = [kind.summary, f"Chosen: {held}." if held else "", f"Source: {kind.source}." if kind.source else ""]
    how = pieces.HOW.format(data=DATA, script=SCRIPT) + (pieces.CHAOS if training.approximator == "mlp" else "")
    text = pieces.HEAD.format(
        title=kind.title,
        dataset=re.sub(r'[\\"\s]+', " ", training.dataset.name),
        approximator=training.approximator,
        updates=f"{training.updates:,}",
        about="\n".join(textwrap.fill(line, 118) for line in about if line),
        how=textwrap.fill(how, 118),
        imports="\n".join(imports),
        hyperparameters="\n".join(_fields(training)),
    )
    if training.schedule:
        text += pieces.SCHEDULE.format(schedule=pformat(training.schedule, width=110, sort_dicts=False))
    return text


def _fields(training: Training) -> list[str]:
    """The hyperparameters that act, each with its sentence."""
    lines = [f"    seed: int = {training.seed}", f"    updates: int = {training.updates}"]
    for h in declarations(training.kind, training.approximator, training.dataset):
        if h.name in training.choices or not _acts(h, training):
            continue
        value = training.values[h.name]
        lines.append(f"    {h.name}: {type(value).__name__} = {value!r}")
        lines.append(textwrap.indent(textwrap.fill(f'"""{h.help}"""', 114), "    "))
    return lines


def _acts(h: Hyperparameter, training: Training) -> bool:
    if h.name in ("initial_value", "initial_spread") and not any(head.starts for head in training.heads):
        return False
    return h.needs is None or training.may_be(h.needs[0], *h.needs[1])


def _data(training: Training, read: set[str]) -> str:
    data = training.dataset
    parts = [pieces.DATA.format(data=DATA, actions=data.n_actions)]
    if read & {"has_target", "counts", "counts_next", "lambda_return"} or not training.all_known:
        parts.append(pieces.HAS_TARGET[training.all_known])
    if read & {"return_to_go", "lambda_return"}:
        parts.append(pieces.LAST)
    if "next_action" in read:
        parts.append('next_action = torch.tensor(data["next_action"])  # −1 where there is none\n')
    parts.append(pieces.STATES.format(states=data.n_states) if data.tabular else pieces.VECTORS)
    if read & {"counts", "counts_next"}:
        parts.append(pieces.COUNTS.format(numbers=pieces.NUMBERS[data.tabular]))
    if "return_to_go" in read:
        parts.append(pieces.RETURNS)
    return "".join(parts)


def _networks(training: Training, read: set[str]) -> str:
    parts = [pieces.GENERATOR]
    if training.table:
        parts.append(pieces.TABLE)
    if _pairs(training):
        parts.append(pieces.PAIRS)
    if not training.table and (not _pairs(training) or any(head.scalar for head in training.heads)):
        encoding = str(training.values["encoding"])
        hidden = [w for w in str(training.values.get("hidden", "")).split("-") if w]
        parts.append(pieces.ENCODE[encoding if encoding in pieces.ENCODE else "features"])
        kind = "A multilayer perceptron with ReLU." if hidden else "A linear function for each output."
        energy = "(1 if number == 0 else n_in)" if encoding == "one-hot" else "n_in"
        widths = "".join(f"{width}, " for width in hidden)
        parts.append(pieces.NETWORK.format(kind=kind, hidden=widths, energy=energy))
    lines = []
    for head in training.heads:
        name = "Table" if training.table else "PairLinear" if _pairs(training) and not head.scalar else "Network"
        outputs = "1" if head.scalar else "N_ACTIONS"
        start = ", hp.initial_value, hp.initial_spread" if head.starts else ""
        lines.append(f'    "{head.name}": {name}("{head.name}", {outputs}{start}),')
    parts.append("\n\nnetworks = {\n" + "\n".join(lines) + "\n}\n")
    if copied := _copied(training):
        names = ", ".join(f'"{name}"' for name in copied)
        comma = "," if len(copied) == 1 else ""
        parts.append(f"targets = {{name: copy.deepcopy(networks[name]) for name in ({names}{comma})}}\n")
    if "memory" in read:
        memory = training.kind().memory(training.values)
        numbers = {name: f"hp.{start}" if isinstance(start, str) else start for name, start in memory.items()}
        starts = (f'"{name}": torch.tensor([{number}])' for name, number in numbers.items())
        parts.append(f"memory = {{{', '.join(starts)}}}  # carried from update to update\n")
    return "".join(parts)


def _copied(training: Training) -> list[str]:
    """Networks that have a target copy that is ever used."""
    if "target_update" in training.values and not training.may_be("target_update", "hard", "soft"):
        return []
    if "target_update" not in training.values and not training.may_be("value_target", "lambda"):
        return []
    return [head.name for head in training.heads if head.copied]


COLUMNS = {
    "action": "action[numbers]",
    "reward": "reward[numbers]",
    "terminated": "terminated[numbers]",
    "has_target": "has_target[numbers]",
    "next_action": "next_action[numbers]",
    "counts": "counts[numbers]",
    "counts_next": "counts_next[numbers]",
    "return_to_go": "returns[numbers]",
    "lambda_return": "returns[numbers]",
    "reward_min": "reward.min()",
    "return_min": "returns.min()",
    "memory": "memory",
    "memory_before": "dict(memory)",
}
"""What the loss may read of a batch besides outputs, and where the script has it."""


def _rows(training: Training, read: set[str], text: str) -> str:
    """The class that the loss reads: only what this loss reads."""
    outputs = [_output(training, name) for name in sorted(read - set(COLUMNS) - set(pieces.METHODS))]
    wanted = set(read)
    wanted |= {"action"} if read & {"taken", "shares", "at_pairs"} else set()
    wanted |= {"next_action"} if "taken_next" in read else set()
    lines = []
    if read & {"at_states", "at_pairs"} or any("(self.state)" in line for line in outputs):
        lines.append("self.state = state[numbers]")
    if "at_next_states" in read or any("(self.next_state)" in line for line in outputs):
        lines.append("self.next_state = next_state[numbers]")
    lines += [f"self.{name} = {source}" for name, source in COLUMNS.items() if name in wanted]
    if _sometimes(training):
        lines.append('copies = networks if hp.target_update == "none" else targets')
    found = pieces.ROWS.format(lines=textwrap.indent("\n".join([*lines, *outputs]), " " * 8))
    for name in pieces.METHODS:
        if name in read:
            found += pieces.METHODS["mean where" if name == "mean" and "where=" in text else name]
    return found + (pieces.DRAWS if training.values["batch_size"] else pieces.ALL_ROWS)


def _output(training: Training, name: str) -> str:
    """The line that evaluates an output, by its name in `Rows`."""
    head = name.removeprefix("target_").removesuffix("_next")
    place = "self.next_state" if name.endswith("_next") else "self.state"
    networks, constant = "networks", ""
    if name.startswith("target_"):
        networks = "copies" if _sometimes(training) else "targets"
        constant = ".detach()"
    scalar = any(h.scalar for h in training.heads if h.name == head)
    return f'self.{name} = {networks}["{head}"]({place}){"[:, 0]" if scalar else ""}{constant}'


def _sometimes(training: Training) -> bool:
    """Whether there is a target network at some times only."""
    return training.may_be("target_update", "none") and training.may_be("target_update", "hard", "soft")


def _loop(training: Training, read: set[str]) -> str:
    """The loop over the updates: live changes, one step down the gradient, the target copies."""
    returns = _returns(read)
    adam = training.values["optimizer"] == "adam"
    begin = [
        *([pieces.LAMBDA_RETURNS.strip("\n"), "", ""] if "lambda_return" in read else []),
        "# Training.",
        "parameters = [p for network in networks.values() for p in network.parameters()]",
        f"optimizer = torch.optim.{'Adam' if adam else 'SGD'}(parameters, lr=hp.learning_rate)",
        *([f"returns = {returns}"] if returns else []),
        "for step in range(hp.updates):",
    ]
    body = [
        *_changing(training, returns),
        "rows = Rows(minibatch(step))",
        "losses = loss(rows, hp)",
        "optimizer.zero_grad()",
        "sum(losses.values()).backward()",
        *(pieces.CONDITIONED if training.plain_table else []),
        "before = [p.detach().clone() for p in parameters]",
        "optimizer.step()",
        *(pieces.RUNS_AWAY["adam" if adam else "sgd"]),
        *(_following(training, returns if "lambda_return" in read else "") if _copied(training) else []),
        "if (step + 1) % max(1, hp.updates // 10) == 0:",
        "    print(step + 1, {name: round(value.item(), 5) for name, value in losses.items()})",
    ]
    return "\n\n" + "\n".join([*begin, textwrap.indent("\n".join(body), "    "), *pieces.SAVED])


def _returns(read: set[str]) -> str:
    """How the returns that the loss reads are computed; both ways where a live change goes from one to the other."""
    if "lambda_return" not in read:
        return "returns_to_go()" if "return_to_go" in read else ""
    one = "lambda_returns()"
    return f'{one} if hp.value_target == "lambda" else returns_to_go()' if "return_to_go" in read else one


def _changing(training: Training, returns: str) -> list[str]:
    """The live changes, and what follows from them at once."""
    if not training.schedule:
        return []
    begins = _sometimes(training)
    return [
        "if step in SCHEDULE:",
        *(['    had_copy = hp.target_update != "none"'] if begins else []),
        "    for name, value in SCHEDULE[step].items():",
        "        setattr(hp, name, value)",
        '    optimizer.param_groups[0]["lr"] = hp.learning_rate',
        *(['    if hp.target_update != "none" and not had_copy:  # a copy begins as its network'] if begins else []),
        *([f"    {line}" for line in pieces.COPY] if begins else []),
        *([f"    returns = {returns}"] if returns else []),
    ]


def _following(training: Training, returns: str) -> list[str]:
    """How the target copies follow; λ-returns are computed anew with them."""
    hard = [*pieces.COPY, *([f"    returns = {returns}"] if returns else [])]
    due = "(step + 1) % hp.target_period == 0"
    if "target_update" not in training.values:
        return [f"if {due}:", *hard]
    if training.choices.get("target_update") == "hard":
        return [f"if {due}:", *hard]
    if training.choices.get("target_update") == "soft":
        return [line[4:] for line in pieces.TRAIL]
    found = []
    if training.may_be("target_update", "hard"):
        found += [f'if hp.target_update == "hard" and {due}:', *hard]
    if training.may_be("target_update", "soft"):
        found += ['if hp.target_update == "soft":', *pieces.TRAIL]
    return found
