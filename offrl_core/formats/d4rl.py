"""D4RL HDF5: one flat array per column, episodes one after the other, told apart by `terminals` and `timeouts`."""

from __future__ import annotations

from offrl_core.formats.base import Columns, Context
from offrl_core.formats.hdf5 import array, names, open_hdf5
from offrl_core.formats.source import Source


def read(source: Source, context: Context) -> Columns:
    """`observations`, `actions`, `rewards`, `terminals`, and where present `timeouts` and `next_observations`.

    The file may end in the middle of an episode, and the last row of a timed-out episode has no next state; without
    `timeouts` (older files) only `next_observations` can show where an episode was cut.

    Source: Fu et al. 2020, and the loader of the D4RL package.
    """
    with open_hdf5(source) as root:
        present = names(root, context)
        read = {}
        wanted = ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations")
        for done, name in enumerate(wanted):
            if name in present or name in wanted[:4]:
                read[name] = array(root, name, context)
            context.progress(0.8 * (done + 1) / len(wanted), f"read {name}")
    if "timeouts" not in read and "next_observations" not in read:
        context.note(
            "no-timeouts",
            "the file has no 'timeouts': where a time limit cut an episode is not known",
            "Episodes end at 'terminals' only; the next state of a row at a hidden cut is wrong.",
            severity="warning",
        )
    return Columns(
        read["observations"],
        read["actions"],
        read["rewards"],
        read["terminals"],
        read.get("timeouts"),
        next_observations=read.get("next_observations"),
        names={"terminations": "terminals", "truncations": "timeouts"},
    )
