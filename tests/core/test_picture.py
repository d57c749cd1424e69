"""How logs without a world are drawn: rows by visits and by value, and the plane of the principal components."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.data import picture
from offrl_core.data.picture import layout_of, plane_layout, principal_axes, table_layout
from offrl_core.worlds.layout import PlaneLayout, TableLayout


def clicks() -> orl.Dataset:
    """home → list → (out), home → home → (cut off); `away` is never seen."""
    return orl.Dataset.from_columns(
        observations=[1, 2, 1, 1],
        actions=[0, 1, 0, 1],
        rewards=[1.0, 2.0, 0.0, 4.0],
        terminations=[False, True, False, False],
        next_observations=[2, 3, 1, 0],
        next_known=[True, True, True, False],
        episode_ids=[0, 0, 1, 1],
        n_states=5,
        observation_names=("?", "home", "list", "out", "away"),
        gamma=0.5,
    )


def test_rows_come_by_visits_with_names_values_and_ends():
    layout = table_layout(clicks())
    assert layout.order == (1, 2, 0, 3, 4)
    assert layout.labels == ("home", "list", "?", "out", "away")
    # G from home: 1 + ½·2 = 2, 0 + ½·4 = 2 and 4; from list: 2.
    assert layout.value == pytest.approx((8 / 3, 2.0, None, None, None))
    assert layout.by_value == (1, 2, 0, 3, 4)
    # Nothing starts in `out`, and whoever came there had ended; nobody is known to have come to `?` or `away`.
    assert layout.terminal == (3,)


def test_order_and_values_are_those_of_counting_by_hand():
    rng = np.random.default_rng(3)
    rows, states = 400, 12
    data = orl.Dataset.from_columns(
        rng.integers(0, states, rows) ** 2 % states,
        rng.integers(0, 3, rows),
        rng.normal(size=rows),
        np.arange(rows) % 8 == 7,
        n_states=states,
    )
    layout = table_layout(data)
    counted = [int((data.observations == s).sum()) for s in range(states)]
    assert list(layout.order) == sorted(range(states), key=lambda s: (-counted[s], s))
    returns = np.empty(rows)
    for start in range(0, rows, 8):
        for t in range(start, start + 8):
            returns[t] = sum(data.gamma ** (k - t) * data.rewards[k] for k in range(t, start + 8))
    means = {s: returns[data.observations == s].mean() for s in range(states) if counted[s]}
    for state, value in zip(layout.order, layout.value, strict=True):
        assert value == pytest.approx(means[state]) if counted[state] else value is None
    assert list(layout.by_value[: len(means)]) == sorted(means, key=means.__getitem__, reverse=True)


def test_values_stay_in_the_logs_own_unit():
    assert table_layout(clicks().with_rewards(scale=3.0, shift=-1.0)).value == table_layout(clicks()).value


def test_a_table_has_no_more_rows_than_it_may(monkeypatch):
    monkeypatch.setattr(picture, "MOST_ROWS", 2)
    layout = table_layout(clicks())
    assert layout.order == (1, 2)
    assert layout.labels == ("home", "list")
    assert layout.terminal == ()


def test_a_dataset_keeps_the_layout_of_its_world_and_has_one_made_once_without():
    grid = orl.load_dataset("cliff")
    assert layout_of(grid) is grid.layout
    assert layout_of(replace(grid, layout=None)) is grid.mdp.layout
    data = clicks()
    assert isinstance(layout_of(data), TableLayout)
    assert layout_of(data) is layout_of(data)


def vectors(observations: np.ndarray, names: tuple[str, ...] = ()) -> orl.Dataset:
    rows = len(observations)
    return orl.Dataset.from_columns(
        observations.astype(np.float32),
        np.zeros(rows, int),
        np.zeros(rows),
        np.arange(rows) % 10 == 9,
        n_actions=2,
        observation_names=names,
    )


def mixed(rows: int = 300) -> np.ndarray:
    """Four columns in different units, two of them nearly the same, and a constant one."""
    rng = np.random.default_rng(1)
    cause = rng.normal(size=rows)
    noise = rng.normal(size=(rows, 3))
    return np.column_stack(
        [
            70 + 10 * cause + noise[:, 0],
            0.01 * (2 - cause + 0.2 * noise[:, 1]),
            5 * noise[:, 2],
            np.full(rows, 7.0),
        ]
    ).astype(np.float32)


def test_principal_axes_are_those_of_the_singular_value_decomposition():
    table = mixed().astype(np.float64)
    spread = table.std(axis=0)
    scaled = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1)
    _, sizes, right = np.linalg.svd(scaled)
    axes, shares = principal_axes(mixed())
    assert shares == pytest.approx(sizes[:2] ** 2 / (sizes**2).sum())
    for own, reference in zip(axes, right, strict=False):
        sign = np.sign(reference[np.abs(reference).argmax()])
        assert own == pytest.approx(sign * reference, abs=1e-7)
        assert own[np.abs(own).argmax()] > 0
    # A column that never moves has no weight, and two that say the same share the first axis.
    assert axes[:, 3] == pytest.approx([0, 0], abs=1e-12)
    assert abs(axes[0, 0]) == pytest.approx(abs(axes[0, 1]), rel=0.02)


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (1, 3)])
def test_wide_and_tall_logs_have_the_same_decomposition(shape):
    table = np.random.default_rng(2).normal(size=shape).cumsum(axis=1)
    spread = table.std(axis=0)
    scaled = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1)
    _, sizes, right = np.linalg.svd(scaled, full_matrices=False)
    axes, shares = principal_axes(table)
    if shape[0] == 1:
        assert not axes.any()
        assert not shares.any()
        return
    assert shares == pytest.approx(sizes[:2] ** 2 / (sizes**2).sum())
    assert np.abs(np.einsum("id,id->i", axes, right[:2])) == pytest.approx([1, 1])


def test_projected_probes_are_the_scores_and_lie_in_the_plane():
    data = vectors(mixed(), ("pulse", "lactate", "age", "ward"))
    layout = plane_layout(data)
    assert (layout.x, layout.y) == (4, 5)
    assert layout.names[:4] == ("pulse", "lactate", "age", "ward")
    table = data.observations.astype(np.float64)
    spread = table.std(axis=0)
    scaled = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1)
    left, sizes, right = np.linalg.svd(scaled, full_matrices=False)
    scores = table @ np.array(layout.projection).T - np.array(layout.origin)
    for axis in range(2):
        reference = left[:, axis] * sizes[axis] * np.sign(right[axis, np.abs(right[axis]).argmax()])
        assert scores[:, axis] == pytest.approx(reference, abs=1e-6)
    placed = np.hstack([orl.dataset_probes(data), orl.dataset_probes(data) @ np.array(layout.projection).T])
    placed[:, 4:] -= layout.origin
    assert (placed >= layout.low).all()
    assert (placed <= layout.high).all()


def test_axes_are_named_by_their_largest_weights_and_share():
    layout = plane_layout(vectors(mixed(), ("pulse", "lactate", "age", "ward")))
    axes, shares = principal_axes(mixed())
    first, second, third = np.argsort(-np.abs(axes[0]))[:3]
    assert {first, second} == {0, 1}
    names = ("pulse", "lactate", "age", "ward")
    name = layout.names[4]
    assert name.startswith(f"PC 1 ({100 * shares[0]:.0f} %): {abs(axes[0, first]):.2f}·{names[first]} − ")
    assert f"{abs(axes[0, second]):.2f}·{names[second]}" in name
    assert layout.names[5].startswith("PC 2 (")
    assert third == 2


@pytest.mark.parametrize("columns", [1, 2])
def test_few_columns_need_no_projection(columns):
    data = vectors(mixed()[:, :columns], ("pulse", "lactate")[:columns])
    layout = plane_layout(data)
    assert isinstance(layout, PlaneLayout)
    assert (layout.x, layout.y) == (0, 1)
    assert layout.names == (("pulse", "lactate") if columns == 2 else ("pulse", ""))
    assert len(layout.low) == len(layout.high) == 2
    if columns == 1:
        assert layout.projection == ((0.0,),)


def test_columns_that_never_move_still_have_a_plane():
    layout = plane_layout(vectors(np.full((30, 3), 2.5)))
    assert layout.names == ("dimension 0", "dimension 1", "dimension 2", "PC 1 (0 %)", "PC 2 (0 %)")
    assert all(high > low for low, high in zip(layout.low, layout.high, strict=True))
    assert np.isfinite(layout.low).all()


def test_of_a_long_log_some_rows_are_drawn_whatever_its_rhythm(monkeypatch):
    # Every tenth row begins an episode, where the first column has another value: rows in step would see it only.
    table = np.random.default_rng(4).normal(size=(4000, 3)) @ [[1.0, 0.9, 0.0], [0.0, 0.4, 0.0], [0.0, 0.0, 1.0]]
    table[::10, 0] = 0.0
    whole, shares = principal_axes(table)
    monkeypatch.setattr(picture, "MOST_OBSERVATIONS", 400)
    some, some_shares = principal_axes(table)
    assert some_shares == pytest.approx(shares, abs=0.04)
    assert some[0] == pytest.approx(whole[0], abs=0.12)
    assert (principal_axes(table)[0] == some).all()
