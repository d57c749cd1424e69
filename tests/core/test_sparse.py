"""Sparse matrices without scipy: the same entries, the same classes, the same solutions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import offrl_core as orl
from offrl_core.sparse import in_numpy, in_scipy

ROOT = Path(__file__).resolve().parents[2]


@st.composite
def triples(draw: st.DrawFn, rows: int = 6, columns: int = 5) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Entries, some at one place and some that are 0."""
    count = draw(st.integers(0, 25))
    numbers = draw(st.lists(st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0]), min_size=count, max_size=count))
    row = draw(st.lists(st.integers(0, rows - 1), min_size=count, max_size=count))
    col = draw(st.lists(st.integers(0, columns - 1), min_size=count, max_size=count))
    return np.array(numbers), (np.array(row, np.intp), np.array(col, np.intp))


@settings(deadline=None)
@given(triples(), triples(), st.lists(st.integers(0, 5), max_size=8), st.permutations(range(5)))
def test_every_operation_is_scipys(one, other, rows, columns):
    rows = np.array(rows, np.intp)
    shape = (6, 5)
    mine, theirs = in_numpy.csr_matrix(one, shape), scipy.sparse.csr_matrix(one, shape=shape)
    again, others = in_numpy.csr_matrix(other, shape), scipy.sparse.csr_matrix(other, shape=shape)
    for made, known in [
        (mine, theirs),
        (mine.copy(), theirs),
        (in_numpy.csr_matrix(theirs.toarray()), theirs),
        (mine.T, theirs.T),
        (mine + again, theirs + others),
        (mine - again, theirs - others),
        (0.5 * mine, 0.5 * theirs),
        (mine @ again.T, theirs @ others.T),
        (mine[rows], theirs[rows]),
        (mine[:, columns[:3]], theirs[:, columns[:3]]),
        (in_numpy.diags_array(np.arange(6.0)) @ mine, scipy.sparse.diags_array(np.arange(6.0)) @ theirs),
    ]:
        assert in_numpy.issparse(made)
        assert made.shape == known.shape
        np.testing.assert_array_equal(made.toarray(), known.toarray())
    np.testing.assert_array_equal(mine.sum(axis=1), np.asarray(theirs.sum(axis=1)).ravel())
    x = np.linspace(-1, 1, 15).reshape(5, 3)
    np.testing.assert_array_equal(mine @ x[:, 0], theirs @ x[:, 0])
    np.testing.assert_array_equal(mine @ x, theirs @ x)
    at, col = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    np.testing.assert_array_equal(mine[at, col], theirs.toarray().ravel())
    mine.eliminate_zeros(), theirs.eliminate_zeros()
    edges, known = mine.tocoo(), theirs.tocoo()
    for part in ("data", "row", "col"):
        np.testing.assert_array_equal(getattr(edges, part), getattr(known, part))
    assert mine.nnz == theirs.nnz


@settings(deadline=None)
@given(triples(7, 7))
def test_communicating_classes_are_scipys(entries):
    mine = in_numpy.strong_components(in_numpy.csr_matrix(entries, (7, 7)))
    theirs = in_scipy.strong_components(_without_zeros(scipy.sparse.csr_matrix(entries, shape=(7, 7))))
    np.testing.assert_array_equal(mine[:, None] == mine, theirs[:, None] == theirs)


def _without_zeros(matrix):
    matrix.eliminate_zeros()
    return matrix


@pytest.mark.parametrize("states", [50, 400])
@pytest.mark.parametrize("gamma", [0.5, 0.99, 0.9999])
@pytest.mark.parametrize("reach", [2, 40])
def test_a_system_is_solved_as_scipy_does(states: int, gamma: float, reach: int):
    """By elimination and by iteration, where rows are sparse and where they are dense, up to a discount near 1."""
    rng = np.random.default_rng(states)
    row = np.repeat(np.arange(states), reach)
    col = (row + rng.integers(-3, 30, row.size)) % states
    chances = rng.dirichlet(np.ones(reach), states).ravel()
    rewards = rng.normal(size=states)
    solutions = []
    for kind in (in_numpy, in_scipy):
        moves = kind.csr_matrix((chances, (row, col)), shape=(states, states))
        solutions.append(kind.solve(kind.diags_array(np.ones(states)) - gamma * moves, rewards))
    np.testing.assert_allclose(solutions[0], solutions[1], rtol=0, atol=1e-10 / (1 - gamma))


def test_walks_that_seldom_meet_need_no_elimination(monkeypatch: pytest.MonkeyPatch):
    """Long chains of states, rewarded at their ends: one run of the iteration breaks down far from the solution."""
    rng, states = np.random.default_rng(0), 3000
    ends, forks = rng.random(states) < 0.04, rng.random(states) < 0.4
    forks[ends] = False
    on, off = np.flatnonzero(~ends), np.flatnonzero(forks)
    row, col = np.append(on, off), np.append((on + 1) % states, rng.integers(0, states, len(off)))
    entries = np.where(forks[row], 0.5, 1.0), (row, col)
    systems = [
        kind.diags_array(np.ones(states)) - 0.99 * kind.csr_matrix(entries, shape=(states, states))
        for kind in (in_numpy, in_scipy)
    ]
    right = ends.astype(np.float64)
    assert np.abs(systems[0] @ in_numpy._bicgstab(systems[0], right) - right).max() > 0.1
    known = in_scipy.solve(systems[1], right)
    monkeypatch.setattr(np.linalg, "solve", lambda *_: pytest.fail("a matrix of states × states was made"))
    np.testing.assert_allclose(in_numpy.solve(systems[0], right), known, rtol=0, atol=1e-10)


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None
import offrl_core as orl
for name in orl.datasets():
    data = orl.load_dataset(name)
    exact = "" if data.mdp is None else data.mdp.optimal(min(data.gamma, 0.999))[1].max()
    print(name, data.fingerprint, exact)
"""


def test_the_catalogue_is_the_same_without_scipy():
    """The data to the bit, and with them the policies that collected them; the best values to rounding."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SCIPY], cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    told = {name: rest for name, *rest in map(str.split, done.stdout.splitlines())}
    assert list(told) == list(orl.datasets())
    for name, (fingerprint, *best) in told.items():
        data = orl.load_dataset(name)
        assert fingerprint == data.fingerprint, name
        if best:
            known = data.mdp.optimal(min(data.gamma, 0.999))[1].max()
            assert float(best[0]) == pytest.approx(known, abs=1e-9), name
