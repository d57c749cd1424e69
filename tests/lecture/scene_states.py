"""States of a scene to draw, and the pictures that they end with."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from hypothesis import strategies as st

from offrl_core.declarations import Value
from offrl_lecture.base.pictures import Picture
from offrl_lecture.base.scene import Control, Scene, State
from offrl_lecture.training.background import in_background


def final_pictures(scene: Scene, state: State) -> dict[str, Picture]:
    """What a scene draws in a state, the last of its results where it computes in steps.

    Tests of one scene look at the same states: each is computed once.
    """
    return _computed(scene.compute, tuple(state.items()))


@functools.lru_cache(maxsize=64)
def _computed(compute: Callable, state: tuple[tuple[str, Value], ...]) -> dict[str, Picture]:
    made = compute(dict(state))
    return list(made)[-1] if inspect.isgenerator(made) else made


def trained_elsewhere(scene: Scene, state: State) -> bool:
    """Whether a state asks for a training that takes many seconds, in a child process."""
    if scene.compute.__globals__.get("in_background") is not in_background:
        return False
    before = in_background.cache_info()
    made = scene.compute(state)
    asked = in_background.cache_info() != before
    return asked and inspect.isgenerator(made)


def quick(scene: Scene, state: State) -> dict[str, Value]:
    """The state; where it would train for many seconds in a child process, the same before its training."""
    if not scene.play or not trained_elsewhere(scene, state):
        return dict(state)
    return {**state, scene.play.control: scene.defaults[scene.play.control]}


def values_of(control: Control, *, linked: bool = False) -> st.SearchStrategy:
    """The values that a viewer can give a control: a number on its steps, or any that a link may ask for (`linked`)."""
    spec = control.spec
    if isinstance(spec.default, bool):
        return st.booleans()
    if spec.choices:
        return st.sampled_from(spec.choices)
    if spec.integer:
        return st.integers(int(spec.low), int(spec.high))
    if linked:
        return st.floats(spec.low, spec.high, allow_nan=False)
    step = control.step or 0.01
    return st.integers(0, round((spec.high - spec.low) / step)).map(lambda k: min(spec.high, spec.low + k * step))


def states_of(scene: Scene, *, linked: bool = False) -> st.SearchStrategy:
    """Any state of a scene."""
    return st.fixed_dictionaries({control.name: values_of(control, linked=linked) for control in scene.controls})
