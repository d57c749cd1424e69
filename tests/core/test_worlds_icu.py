"""ICU-Sepsis: the exact returns of the paper's policies, read from the package's files without importing it."""

import subprocess
import sys
import time

import numpy as np
import pytest

from offrl_core.evaluation.assumption import readings
from offrl_core.worlds.icu import ACTION_NAMES, DEATH, SURVIVAL, clinician, data_folder, icu_data, icu_sepsis

UNIFORM = np.full((716, 25), 1 / 25)


@pytest.mark.parametrize(
    ("inadmissible", "random", "shipped"), [("mean", 0.780071, 0.781845), ("terminate", 0.008360, 0.415809)]
)
def test_exact_returns_at_gamma_one(inadmissible, random, shipped):
    mdp = icu_sepsis(inadmissible)
    assert mdp.evaluate(UNIFORM, 1.0) == pytest.approx(random, abs=1e-6)
    assert mdp.evaluate(clinician(restricted=False), 1.0) == pytest.approx(shipped, abs=1e-6)
    assert mdp.evaluate(clinician(), 1.0) == pytest.approx(0.782014, abs=1e-6)
    _, v = mdp.optimal(1.0)
    assert mdp.initial @ v == pytest.approx(0.875142, abs=1e-6)


def test_the_shipped_policy_is_not_clean():
    data = icu_data()
    patients = slice(0, DEATH)
    mass = np.where(data.admissible, 0.0, data.clinician)[patients].sum() / data.clinician[patients].sum()
    assert mass == pytest.approx(0.156, abs=0.0005)
    assert (data.clinician[DEATH:].sum(axis=1) == 0).all()
    # Rows of terminal states mean nothing, so the raw array can be evaluated as it is.
    assert icu_sepsis("terminate").evaluate(data.clinician, 1.0) == pytest.approx(0.415809, abs=1e-6)
    assert np.where(icu_data().admissible, 0.0, clinician())[patients].sum() == 0


def test_reward_is_survival():
    """The reward array is not read; here it is, and it says the same."""
    with np.load(data_folder() / "dynamics.npz", allow_pickle=False) as arrays:
        rewards, moves = arrays["r_mat"][:DEATH], arrays["tx_mat"][:DEATH]
    paid = rewards != 0
    assert not paid[:, :, :SURVIVAL].any()
    assert not paid[:, :, SURVIVAL + 1].any()
    assert (rewards[:, :, SURVIVAL][moves[:, :, SURVIVAL] > 0] == 1).all()


def test_an_inadmissible_action_is_deadly_or_average():
    data = icu_data()
    state = 0
    bad = int(np.flatnonzero(~data.admissible[state])[0])
    assert icu_sepsis("terminate").transitions[[state * 25 + bad]].toarray()[0, DEATH] == 1.0
    admissible = np.flatnonzero(data.admissible[state])
    rows = icu_sepsis("mean").transitions
    mean = rows[state * 25 + admissible].toarray().mean(axis=0)
    np.testing.assert_allclose(rows[[state * 25 + bad]].toarray()[0], mean, atol=1e-9)


def test_the_package_is_not_imported():
    code = (
        "import sys; from offrl_core.data.catalogue import load_dataset; load_dataset('icu-sepsis', episodes=10);"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('icu_sepsis', 'gym', 'gymnasium')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_evaluating_a_policy_is_fast():
    """Ten milliseconds each is the aim (see benchmarks); this only catches a return to dense solving."""
    mdp = icu_sepsis("terminate")
    policies = np.random.default_rng(0).dirichlet(np.ones(25), (4, 716))
    mdp.value(policies, 1.0)
    started = time.process_time()
    mdp.q_value(policies, 1.0)
    assert (time.process_time() - started) / 4 < 0.03


def test_layout_orders_states_by_severity():
    mdp = icu_sepsis()
    severity = np.array(mdp.layout.row_value)[:-2]
    assert (np.diff(severity) >= 0).all()
    assert len(mdp.layout.order) == 715
    assert len(ACTION_NAMES) == 25
    assert ACTION_NAMES[7] == "fluids 1, vasopressor 2"


def test_what_the_assumption_about_unseen_treatments_does_to_the_same_policies():
    """Death builds the harm of a guess into the world; whoever stays with the data gets the same either way."""
    death, mean = readings("icu-sepsis")
    assert (death.choice, mean.choice) == ("terminate", "mean")
    assert death.uniform == pytest.approx(0.008360, abs=1e-6)
    assert mean.uniform == pytest.approx(0.780071, abs=1e-6)
    for reading in (death, mean):
        assert reading.behavior == pytest.approx(0.782014, abs=1e-6)
        assert reading.optimal == pytest.approx(0.875142, abs=1e-6)
        assert reading.learned["bcq"] > reading.behavior + 0.02
    assert death.learned["bcq"] == pytest.approx(mean.learned["bcq"])
    assert death.learned["q-learning"] < 0.5 < reading.behavior < mean.learned["q-learning"]


def test_a_world_that_is_known_assumes_nothing():
    assert readings("double-crossing") == ()
