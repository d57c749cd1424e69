"""The stage as a Streamlit component: a live run drawn from its WebSocket, or a recording, without script runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offrl_ui.shared import component
from offrl_ui.shared.modes import MODES

Callback = Callable[[], None]


def _nothing() -> None:
    pass


def stage(
    run_id: str | None = None,
    *,
    key: str,
    recording: str | None = None,
    mode: str | None = None,
    member: int | None = None,
    turn: int = 0,
    state: int | None = None,
    reads: bool = False,
    order: str | None = None,
    axes: tuple[int, int] | None = None,
    step: int | None = None,
    share: Mapping[str, Sequence[str]] | None = None,
    hints: bool = False,
    goes_on: bool = False,
    meanwhile: Sequence[tuple[str, str]] = (),
    on_viewed: Callback = _nothing,
    on_moved: Callback = _nothing,
    on_gone: Callback = _nothing,
) -> Any:
    """Show a run, live, or a recording of one.

    Args:
        run_id: the run to connect to (`/live/{run_id}`). A run that the viewer was moved to (see `on_moved`) is kept
            until another id is given.
        key: the component's key; the stage lives on through reruns with the same key.
        recording: address of a recording (`.offrl.gz`), instead of `run_id`.
        mode: what the world shows, one of `modes.MODES`; None for the best that the system has.
        member: the model that is looked at first, and again whenever `turn` is another number: in between the viewer
            may look at others.
        state: the selected state; None for the start.
        reads: whether arrows show what targets read, where the world is a grid.
        order: of the rows, where the world is a table: `visits` or `value`.
        axes: of a plane, counted from 0; None for those that it begins with.
        step: of which the picture is shown once the run has come there.
        share: offers a link to what is shown; the controls that the open link has put away (`hide`) or holds still
            (`fix`). None where nothing is to be shared.
        hints: whether the first steps are shown where they are taken, until they have been.
        goes_on: whether another run goes on as fast as the one before, if that trained.
        meanwhile: words and addresses, below the place of the app, of what is offered while the run waits for its turn.
        on_viewed, on_moved, on_gone: called before the script runs again, when mode, model, order or axes were changed,
            the viewer was moved to a run of its own, or the run no longer exists.

    Returns:
        What was told last of each kind, None or a mapping: `.viewed {mode, member, order, axes}`,
        `.moved {run_id, previous, reason}`, `.gone {run_id}`. In a callback it stands in `st.session_state[key]`.

    Raises:
        ValueError: neither or both of `run_id` and `recording` are given, or `mode` is unknown.
    """
    if (run_id is None) == (recording is None):
        raise ValueError("the stage shows either a run or a recording: give one of run_id and recording")
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode = {mode!r} is not allowed: it must be one of {', '.join(MODES)}")
    wanted: Mapping[str, Any] = {
        "run": run_id, "recording": recording, "mode": mode, "member": member, "turn": turn, "state": state,
        "reads": reads or None, "order": order, "axes": axes, "hints": hints or None, "step": step, "share": share,
        "goes_on": goes_on or None,
        "meanwhile": list(map(list, meanwhile)) or None,
    }  # fmt: skip
    data = {name: value for name, value in wanted.items() if value is not None}
    return component.show(
        "stage/mount",
        html='<section class="stage" aria-label="Training stage"></section>',
        styles=(),
        key=key,
        data=data,
        on_viewed_change=on_viewed,
        on_moved_change=on_moved,
        on_gone_change=on_gone,
    )
