"""Breaking the triad: the numbers of the lecture's third page, from the core and from second derivations."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import offrl_core as orl
from offrl_core.evaluation.empirical import behavior_values, constrained_values
from offrl_core.worlds.world import Rollout
from offrl_lecture.constraining_q import courses
from offrl_lecture.constraining_q import support as constraining
from offrl_lecture.constraining_q.binning import binned, choices_per_state, seen_twice
from offrl_lecture.deadly_triad import courses as triad_courses
from offrl_lecture.deadly_triad.remedies import Remedy, remedy_trajectory
from offrl_lecture.deadly_triad.toy import Toy, trajectory
from offrl_lecture.training.background import CourseFailure, RemoteCourse
from offrl_lecture.training.course import Course
from offrl_lecture.training.datasets import maze, roads
from offrl_lecture.training.walks import ends_at, most_likely_walk
from tests.hypothesis_profiles import examples

# --- the Learner beside the closed forms ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "toy", [Toy(), Toy(1.0, 0.9, 0.1, 0.37), Toy(-1.0, 0.9, 0.1, 0.37), Toy(2.0, 0.5, 0.3), Toy(1.0, 0.7, 0.2, 1.0)]
)
def test_the_learners_linear_q_follows_the_exact_recursion(toy):
    learned = triad_courses.toy_thetas(toy, Remedy("none"), 60)
    assert len(learned) == 61
    assert learned == pytest.approx(trajectory(toy, 60)[:, 0].astype(float), rel=1e-5)


def test_the_learner_stops_where_float32_ends():
    learned = triad_courses.toy_thetas(Toy(), Remedy("none"), 140)
    assert len(learned) == 128  # θ_127 = 2^127 is its last finite value; Q(s,2) = 2θ would be infinite
    assert learned[-1] == 2.0**127


@pytest.mark.parametrize(
    "remedy",
    [
        Remedy("target-network", period=7),
        Remedy("clipped", second=1.0),
        Remedy("constrained"),
        Remedy("cql-paper", alpha=1.2),
        Remedy("cql-lecture-a", alpha=0.3),
        Remedy("cql-lecture-b", alpha=0.3),
        Remedy("cql-lecture-c", alpha=1.0),
        Remedy("cql-lecture-d", alpha=0.4),
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.05])
def test_the_learners_remedies_follow_their_recursions(remedy, share):
    toy = Toy(1.0, 0.8, 0.1, share)
    learned = triad_courses.toy_thetas(toy, remedy, 60)
    within, exact = 1e-4, remedy
    if remedy.name.startswith("cql-lecture"):
        # The last of the data's 1000 rows has no next action, so one row in a thousand is not penalised.
        exact = dataclasses.replace(remedy, alpha=remedy.alpha * 0.999)
        within = 1e-4 if share == 0 else 5e-3
    thetas = remedy_trajectory(toy, exact, 60)
    assert np.abs(learned - thetas).max() <= within * max(1.0, np.abs(thetas).max())


def test_remedies_without_a_system_have_no_learned_curve():
    for remedy in (Remedy("double"), Remedy("residual"), Remedy("bcq"), Remedy("clipped", second=0.5)):
        assert triad_courses.toy_thetas(Toy(), remedy, 5) is None


def test_the_same_loop_works_where_everything_is_seen_and_fails_where_it_is_not():
    covered, gaps, toy = (triad_courses.loop_course(world).frames()[-1] for world in ("covered", "gaps", "toy"))
    best = triad_courses.loop_optimum()
    assert best == pytest.approx(0.5688, abs=1e-4)
    assert covered["value"][0] == pytest.approx(best, abs=1e-4)
    assert covered["return"][0] == pytest.approx(best, abs=1e-6)
    assert gaps["value"][0] > best + 0.2
    assert gaps["return"][0] < 0.05
    assert toy["value"][0] > 1e4
    assert toy["return"][0] == 0


def test_monte_carlo_on_the_same_data_judges_the_policy_that_made_them():
    """Of random walks it learns their `Q`; acting greedily on that takes the near reward and misses the goal."""
    covered, gaps, toy = (triad_courses.loop_course(world, "mc").frames()[-1] for world in ("covered", "gaps", "toy"))
    data = orl.load_dataset("double-crossing", behavior="random")
    returns, gamma, ends = np.zeros(len(data)), data.gamma, set(data.episode_ends.tolist())
    for row in reversed(range(len(data))):
        returns[row] = data.rewards[row] + (0.0 if row in ends else gamma * returns[row + 1])
    start = int(np.argmax(data.mdp.initial))
    here = data.observations == start
    by_action = [returns[here & (data.actions == a)].mean() for a in range(data.n_actions)]
    assert covered["value"][0] == pytest.approx(max(by_action), abs=1e-4)
    assert covered["return"][0] == pytest.approx(0.3 * gamma**5, abs=1e-6)
    assert gaps["value"][0] == pytest.approx(triad_courses.loop_course("gaps", "mc").frames()[0]["value"][0])
    assert abs(toy["value"][0]) < 1e-3


# --- where the maximum looks --------------------------------------------------------------------------------------


def test_what_the_maximum_reads_by_hand():
    # s0 --a0--> s1 (reward 1), s1 --a1--> end (reward 2); a0 in s1 is never taken.
    data = orl.Dataset.from_columns([0, 1], [0, 1], [1.0, 2.0], [False, True], next_observations=[1, 2], n_actions=2)
    q = [[0.0, 0.0], [5.0, 3.0], [9.0, 9.0]]
    (first,) = constraining.outgoing(data, q, 0)
    assert (first.action, first.count, first.reward, first.next_state) == (0, 1, 1.0, 1)
    assert (first.chosen, first.chosen_seen, first.naive, first.constrained) == (0, False, 5.0, 3.0)
    (last,) = constraining.outgoing(data, q, 1)
    assert last.terminated
    assert (last.chosen, last.naive, last.constrained) == (None, 0.0, 0.0)
    assert constraining.outgoing(data, q, 2) == []
    assert constraining.unseen_share(data, q) == 1.0
    assert constraining.unseen_share(data, [[0, 0], [1, 3], [0, 0]]) == 0.0
    assert constraining.candidates_unseen(data) == 0.5


def test_most_of_what_is_on_offer_is_not_in_the_data():
    assert constraining.candidates_unseen(roads()) > 2 / 3
    naive, limited = (courses.looking_course(which).frames()[-1] for which in (False, True))
    assert naive["unseen"][0] > 0.1
    assert naive["value_start"][0] > 0.5688 + 0.2
    assert naive["return"][0] < 0.05
    assert limited["unseen"][0] == 0.0
    assert limited["value_start"][0] == pytest.approx(0.5688, abs=1e-3)
    assert limited["return"][0] == pytest.approx(0.5688, abs=1e-4)


# --- the empirical MDP --------------------------------------------------------------------------------------------


def slow_fixed_point(data, gamma, combine):
    """Dynamic programming over dictionaries, pair by pair."""
    pairs = {}
    for row in range(len(data)):
        pairs.setdefault((data.observations[row], data.actions[row]), []).append(row)
    q = dict.fromkeys(pairs, 0.0)

    def value(state):
        mine = [(len(rows), q[pair]) for pair, rows in pairs.items() if pair[0] == state]
        if not mine:
            return 0.0
        return max(x for _, x in mine) if combine == "max" else sum(n * x for n, x in mine) / sum(n for n, _ in mine)

    for _ in range(400):
        q = {
            pair: sum(
                data.rewards[r] + (0 if data.terminations[r] else gamma * value(data.next_observations[r]))
                for r in rows
            )
            / len(rows)
            for pair, rows in pairs.items()
        }
    return q


@settings(max_examples=examples(15), deadline=None)
@given(st.integers(0, 10_000))
def test_empirical_mdp_equals_dynamic_programming_by_hand(seed):
    rng = np.random.default_rng(seed)
    rows = 40
    term = rng.random(rows) < 0.2
    data = orl.Dataset.from_columns(
        rng.integers(0, 5, rows),
        rng.integers(0, 3, rows),
        rng.normal(size=rows),
        term,
        next_observations=rng.integers(0, 6, rows),
        n_actions=3,
        n_states=6,
    )
    for combine, (q, _) in (("max", constrained_values(data, 0.8)), ("mean", behavior_values(data, 0.8))):
        slow = slow_fixed_point(data, 0.8, combine)
        for state, action in zip(*np.nonzero(data.counts), strict=True):
            assert q[state, action] == pytest.approx(slow[int(state), int(action)], abs=1e-7)


def test_constrained_q_joins_the_roads_and_the_behaviours_value_does_not():
    data = roads()
    start = int(np.argmax(data.mdp.initial))
    q, v = constrained_values(data, 0.95)
    assert v[start] == pytest.approx(0.95**11, abs=1e-9)
    assert behavior_values(data, 0.95)[1][start] == pytest.approx(
        data.mdp.evaluate(data.behavior_policy, 0.95), abs=1e-9
    )
    assert (np.isnan(q) == (data.counts == 0)).all()


# --- from a grid to continuous states -------------------------------------------------------------------------------


def test_binning_by_hand():
    data = orl.Dataset.from_columns(
        np.array([[0.2, 0.2], [0.9, 0.1], [1.4, 0.3]], np.float32),
        [0, 1, 0],
        [0.0, 0.0, 1.0],
        [False, False, True],
        next_observations=np.array([[0.9, 0.1], [1.4, 0.3], [1.9, 0.9]], np.float32),
    )
    table, cells = binned(data, 1.0)
    assert cells.tolist() == [[0, 0], [1, 0]]
    assert table.observations.tolist() == [0, 0, 1]
    assert seen_twice(table) == pytest.approx(2 / 3)
    assert choices_per_state(table) == pytest.approx((2 + 2 + 1) / 3)
    assert seen_twice(data) == 0.0
    with pytest.raises(ValueError, match="width"):
        binned(data, 0.0)


def test_in_continuous_states_constrained_q_becomes_evaluation():
    recorded = constraining.behavior_return(maze())
    coarse, fine = constraining.resolution(0.25), constraining.resolution(0.001)
    assert constraining.exactly_twice() < 0.01
    assert coarse.seen_twice > 0.99
    assert coarse.believed > 3 * recorded
    assert coarse.true > 3 * recorded
    assert fine.seen_twice < 0.02
    assert fine.choices < 1.02
    assert fine.believed == pytest.approx(recorded, rel=0.05)
    assert fine.evaluated == pytest.approx(recorded, rel=0.05)
    assert fine.true < 0.01
    shares = [constraining.resolution(w).seen_twice for w in (0.25, 0.05, 0.01, 0.001)]
    assert shares == sorted(shares, reverse=True)
    # Where coarse cells lie across the ends of walls, walls stop the policy; where cells are fine, it is lost.
    across = constraining.resolution(0.7)
    assert across.true < 0.2 * coarse.true
    assert across.blocked > 0.5
    assert across.lost == 0
    assert coarse.blocked < 0.01
    assert coarse.lost == 0
    assert fine.lost > 0.9


def test_a_move_that_a_wall_stops_by_hand():
    world = maze().world
    actions = np.array([[1, 4, 1], [1, 1, -1]])  # right, stay, right; right, right, over
    x = np.array([[0.0, 0.0, 0.0], [0.4, 0.0, 0.1], [0.8, 0.05, 0.1]])
    walks = Rollout(np.stack([x, 0 * x], axis=2), actions, 0.0 * x[1:], actions >= 0, np.zeros(3, bool))
    # Of four moves in a direction two came less than half of .4 far: that of the third walk and the second's last.
    assert constraining.blocked_share(world, walks) == 0.5


# --- BCQ, CQL, stitching ------------------------------------------------------------------------------------------


def test_bcqs_threshold_has_two_bad_ends():
    last = courses.bcq_roads().frames()[-1]
    true = np.median(last["return"].reshape(len(courses.RHOS), -1), axis=1)
    by_rho = dict(zip(courses.RHOS, true, strict=True))
    assert by_rho[0.0] < 0.05
    for rho in (0.05, 0.1, 0.2, 0.3, 0.35):
        assert by_rho[rho] == pytest.approx(0.5688, abs=1e-4)
    for rho in (0.4, 0.5, 0.8, 1.0):  # π_β takes the road with .375 at the first crossing
        assert by_rho[rho] == pytest.approx(0.3 * 0.95**5, abs=1e-4)
    believed = np.median(last["value_start"].reshape(len(courses.RHOS), -1), axis=1)
    assert believed[0] > 0.5688 + 0.1
    allowed = last["allowed"].reshape(len(courses.RHOS), -1)
    assert (allowed[0] == 4).all()
    assert (np.diff(allowed.mean(axis=1)) <= 1e-9).all()
    assert (allowed[-1] == 1).all()


def test_cql_forms_a_and_b_sink_without_bound_and_the_paper_finds_the_road():
    course = courses.cql_course()
    half, last = course.frames()[50], course.frames()[100]
    place = courses.ALPHAS.index(0.03)
    missing = {
        form: [float(np.median(f["q_missing"][i, place])) for f in (half, last)] for i, form in enumerate(courses.FORMS)
    }
    for form in ("lecture-a", "lecture-b"):
        assert missing[form][1] == pytest.approx(2 * missing[form][0], rel=0.05)  # a straight line downwards
    for form in ("lecture-c", "lecture-d", "paper"):
        assert missing[form][1] - missing[form][0] > 0.5 * (missing["lecture-b"][1] - missing["lecture-b"][0])
    # Form a has no pull upwards on data pairs, form b has.
    a, b = (
        float(np.median(last["q_data"][courses.FORMS.index(f), courses.ALPHAS.index(0.3)]))
        for f in ("lecture-a", "lecture-b")
    )
    assert a < b - 0.5
    returns = {form: float(last["return"][i, place].mean()) for i, form in enumerate(courses.FORMS)}
    assert returns["paper"] == pytest.approx(0.5688, abs=1e-3)
    assert returns["lecture-c"] > returns["lecture-a"]
    assert float(last["return"][courses.FORMS.index("paper"), 0].mean()) < 0.3  # α = 0 is naive Q-learning
    # So much weight that the data's most frequent action is taken everywhere: the small reward, five steps from S.
    heavy = last["return"][courses.FORMS.index("paper"), courses.ALPHAS.index(3.0)]
    assert heavy == pytest.approx(np.full(courses.CQL_SEEDS, 0.3 * 0.95**5), abs=1e-4)
    # Forms a to d never penalise the first state, nobody's s': whoever gets nothing there fails in the first step.
    for i, form in enumerate(courses.FORMS[:4]):
        lost = last["return"][i, place] < 0.01
        assert last["guesses"][i, place][lost].all(), form
    assert not last["guesses"][4, place].any()


def test_only_multi_step_maximisation_in_the_data_joins_the_roads():
    last = courses.stitching_course().frames()[-1]
    returns = dict(zip(courses.STITCHERS, np.median(last["return"], axis=1), strict=True))
    assert returns["bc"] == pytest.approx(0.230, abs=2e-3)
    assert returns["rwr"] == pytest.approx(0.245, abs=3e-3)
    assert returns["one-step"] == pytest.approx(0.3 * 0.95**5, abs=1e-4)
    assert 0.3 < returns["marwil"] < 0.4
    assert returns["iql"] > 0.5
    assert returns["bcq"] == pytest.approx(0.5688, abs=1e-4)
    assert returns["cql"] == pytest.approx(0.5688, abs=1e-4)
    joined = [
        name
        for name, policy in zip(courses.STITCHERS, last["policy"], strict=True)
        if ends_at(most_likely_walk(policy)) == "G"
    ]
    assert joined == ["iql", "bcq", "cql"]


def test_why_one_step_is_not_enough():
    # π_β's values at the first crossing: .3γ² for turning to D, .4γ⁸ for going on, since .4 turn down at the second.
    data = roads()
    q, _ = behavior_values(data, 0.95)
    crossing = data.mdp.state_names.index("(5,4)")
    up, right, down, _left = range(4)
    assert np.isnan(q[crossing, up])
    assert q[crossing, down] == pytest.approx(0.3 * 0.95**2)
    assert q[crossing, right] == pytest.approx(0.4 * 0.95**8)
    assert q[crossing, down] > q[crossing, right]


def test_the_mazes_courses_begin_before_the_first_update():
    for course, members in ((courses.bcq_maze(), 2 * len(courses.MAZE_RHOS)), (triad_courses.network(0.02, "bcq"), 3)):
        first, second = course.frames(1)
        assert int(first["step"][0]) == 0
        assert int(second["step"][0]) == course.every
        for name in ("value_start", "q_data", "q_missing"):
            assert second[name].shape == (members,)
            assert np.isfinite(second[name]).all()
        assert np.isnan(first["return"]).all()
    allowed = courses.bcq_maze().frames(1)[1]["allowed"].reshape(len(courses.MAZE_RHOS), 2)
    assert (allowed[0] == 5).all()
    assert (np.diff(allowed.mean(axis=1)) <= 1e-9).all()


# --- the soft maximum ---------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=6), st.sampled_from([0.1, 1.0, 3.0]))
def test_logsumexp_is_a_soft_maximum(values, temperature):
    soft, weights = constraining.soft_maximum(values, temperature)
    assert max(values) - 1e-9 <= soft <= max(values) + temperature * math.log(len(values)) + 1e-9
    assert weights.sum() == pytest.approx(1.0)
    by_hand = temperature * math.log(sum(math.exp((v - max(values)) / temperature) for v in values)) + max(values)
    assert soft == pytest.approx(by_hand, abs=1e-9)
    for i in range(len(values)):
        moved = list(values)
        moved[i] += 1e-5
        slope = (constraining.soft_maximum(moved, temperature)[0] - soft) / 1e-5
        assert weights[i] == pytest.approx(slope, abs=1e-3)


# --- courses ------------------------------------------------------------------------------------------------------


def test_a_course_keeps_its_frames_and_trains_only_what_is_missing():
    course = courses.looking_course(False)
    some = course.frames(5)
    assert len(some) == 6
    assert [int(f["step"][0]) for f in some] == list(range(6))
    assert course.frames(3)[3] is some[3]
    assert len(course.so_far(3)) == 4
    assert len(course.frames(10_000)) == course.last + 1


def test_a_remote_course_gives_the_frames_that_the_course_itself_gives():
    remote = RemoteCourse(courses.looking_course, False)
    assert len(remote.so_far(4)) == 1
    theirs, mine = remote.frames(8), courses.looking_course(False).frames(8)
    assert len(theirs) == 9
    for a, b in zip(theirs, mine, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert np.array_equal(a[name], b[name], equal_nan=True)


def breaking_course() -> Course:
    """A course that cannot record its third frame."""
    sound = courses.looking_course.__wrapped__(False)

    def record(learners, snapshots):
        if snapshots[0].step == 2:
            raise ValueError("this frame cannot be recorded")
        return sound._record(learners, snapshots)

    return Course(sound.run, record, 1, 8)


def test_a_remote_course_that_dies_says_so():
    remote = RemoteCourse(breaking_course)
    with pytest.raises(CourseFailure, match="the process that trains breaking_course ended with code 1"):
        remote.frames(3)
    assert len(remote.so_far(3)) == 2
