"""True returns and values in the world behind a dataset: exact where its MDP is known, else measured by playing."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from offrl_core.algos.shared_hyperparameters import a_dataset
from offrl_core.columns import discount
from offrl_core.dataset import Array, Dataset, dataset_probes
from offrl_core.evaluation.rollouts import Measured, Policy, measure, measure_act
from offrl_core.worlds.arrays import MDPError
from offrl_core.worlds.bandit import ContextualBandit
from offrl_core.worlds.world import Simulator


class Truth:
    """Reference returns of a dataset's world at a discount, and the true value of any policy there.

    All returns are expected discounted returns from the world's own initial states, with the world's own rewards: a
    dataset whose rewards were disturbed is judged by the undisturbed ones, and one whose learners are given other
    rewards (`Dataset.with_rewards`) by the log's own. Values and their bounds are in the rewards given to learners.

    Args:
        dataset: where the data came from; what is known follows from its `mdp` or `world`.
        gamma: discount; the dataset's own by default. Where the discount changes, ask for a new `Truth`.

    Attributes:
        exact: whether returns are exact; otherwise they are measured by playing, or unknown.
        behavior: return of the behaviour, None where nothing is known.
        behavior_kind: what `behavior` is, in words: the return of the very policies that collected the data, or, where
            those are unknown or started elsewhere, of the data's own action frequencies `π_β`, or the mean recorded
            return.
        behavior_interval: its 95 % interval `(low, high)` where it is measured.
        optimal, optimal_kind, optimal_interval: the best return there is (exact), or that of the best known controller
            (measured).
        in_support: the best return of a policy that takes only actions the data holds in that state, exact in the true
            MDP; in states the data never visits it acts uniformly. None where the world is not a known MDP, or where at
            γ = 1 rewards go on for ever.
        q_star, v_star: `(S, A)` and `(S,)` in the rewards given; for a bandit at the probe states; otherwise None, and
            where at γ = 1 the rewards given go on for ever.
        given_optimal: the best return in the rewards given, None where it is not known.
        given_best: the true return, in the log's own unit, of the policy that is best for the rewards given; None where
            it is not known.
        q_bound: no policy earns more with these rewards, whatever their order: `max(r_max, 0)/(1−γ)`, with `r_max` the
            largest reward of world and data; an episode may end, and then the rest is 0. At γ = 1 the largest of `V*`
            in any state and of the returns-to-go in the data where the MDP is known, the largest reward where an
            episode is one decision, 0 where no reward is positive, and otherwise ∞.
        q_floor: no policy earns less with these rewards: `min(r_min, 0)/(1−γ)`. At γ = 1 the smallest reward where an
            episode is one decision, 0 where no reward is negative, and otherwise −∞.

    Raises:
        HyperparameterError: that is not a dataset.
        DatasetError: gamma is out of range.
        MDPError: the discount is not allowed in this world.
    """

    def __init__(self, dataset: Dataset, gamma: float | None = None) -> None:
        self.dataset = a_dataset(dataset)
        self.gamma = discount(dataset.gamma if gamma is None else gamma)
        self.exact = dataset.mdp is not None or isinstance(dataset.world, ContextualBandit)
        self.behavior: float | None = None
        self.behavior_kind = "unknown"
        self.behavior_interval: tuple[float, float] | None = None
        self.optimal: float | None = None
        self.optimal_kind = "unknown"
        self.optimal_interval: tuple[float, float] | None = None
        self.in_support: float | None = None
        self.q_star: Array | None = None
        self.v_star: Array | None = None
        self.given_optimal: float | None = None
        self.given_best: float | None = None
        if dataset.mdp is not None:
            self._solve()
        elif isinstance(dataset.world, ContextualBandit):
            self._look_up(dataset.world)
        else:
            self._play()
        self.q_floor, self.q_bound = self._bounds()

    def __repr__(self) -> str:
        named = {"behavior": self.behavior, "in_support": self.in_support, "optimal": self.optimal}
        values = ", ".join(f"{name} {value:.4g}" for name, value in named.items() if value is not None)
        return f"<Truth of {self.dataset.name!r} at γ = {self.gamma:g}: {values}>"

    def _solve(self) -> None:
        data, mdp = self.dataset, self.dataset.mdp
        assert mdp is not None
        start = mdp.initial > 0
        self.optimal = float(mdp.initial[start] @ mdp.optimal(self.gamma)[1][start])
        self.optimal_kind = "exact optimum"
        self._given = mdp.rewarded(data.reward_rule) if data.reward_rule else mdp
        with suppress(MDPError):
            self.q_star, self.v_star = self._given.optimal(self.gamma)
            self.given_optimal = float(mdp.initial[start] @ self.v_star[start])
            self.given_best = self.optimal
            if data.reward_rule:
                best = self._given.optimal_policy(self.gamma)
                self.given_best = float(mdp.evaluate(best, self.gamma, endless="limit"))
        _, v = mdp.best_within(data.counts > 0, self.gamma)
        within = float(mdp.initial[start] @ v[start])
        self.in_support = within if np.isfinite(within) else None
        if isinstance(data.behavior_policies, np.ndarray) and data.behaviors is not None:
            shares = np.bincount(data.behaviors, minlength=len(data.behavior_policies)) / data.n_episodes
            returns = mdp.evaluate(data.behavior_policies, self.gamma, endless="limit")
            self.behavior = float(shares[shares > 0] @ returns[shares > 0])
            self.behavior_kind = "exact return of the policies that collected the data"
        else:
            self.behavior = mdp.evaluate(data.behavior_policy, self.gamma, endless="limit")
            self.behavior_kind = "exact return of the data's own action frequencies π_β"

    def _look_up(self, world: ContextualBandit) -> None:
        probes = dataset_probes(self.dataset)
        self.q_star = self.dataset.reward_rule(world.q_star(probes))
        self.v_star = self.q_star.max(axis=1)
        self.optimal, self.optimal_kind = float(world.rewards.max(axis=1).mean()), "exact optimum"
        given = self.dataset.reward_rule(world.rewards)
        chosen = given >= given.max(axis=1, keepdims=True)
        self.given_optimal = float(given.max(axis=1).mean())
        self.given_best = float(((chosen * world.rewards).sum(axis=1) / chosen.sum(axis=1)).mean())
        self._recorded()

    def _play(self) -> None:
        data, world = self.dataset, self.dataset.world
        if not isinstance(world, Simulator):
            self._recorded()
            return
        best = world.controller(self.gamma)
        if best is not None:
            found = measure_act(world, best, self.gamma)
            self.optimal, self.optimal_kind = float(found.mean[0]), "measured return of the best known controller"
            self.optimal_interval = float(found.low[0]), float(found.high[0])
        copy = world.imitate(data)
        if isinstance(data.behavior_policies, tuple) and data.behaviors is not None:
            shares = np.bincount(data.behaviors, minlength=len(data.behavior_policies)) / data.n_episodes
            played = [
                (share, measure_act(world, act, self.gamma))
                for share, act in zip(shares, data.behavior_policies, strict=True)
                if share > 0
            ]
            self.behavior = float(sum(share * found.mean[0] for share, found in played))
            error = np.sqrt(sum((share * (found.high[0] - found.mean[0])) ** 2 for share, found in played))
            self.behavior_kind = "measured return of the policies that collected the data"
            self.behavior_interval = self.behavior - float(error), self.behavior + float(error)
        elif copy is not None:
            found = measure_act(world, copy, self.gamma)
            self.behavior = float(found.mean[0])
            self.behavior_kind = "measured return of the data's own action frequencies π_β"
            self.behavior_interval = float(found.low[0]), float(found.high[0])
        else:
            self._recorded()

    def _recorded(self) -> None:
        returns = self.dataset.as_logged.episode_returns(self.gamma)
        self.behavior, self.behavior_kind = float(returns.mean()), "mean recorded return"
        if len(returns) > 1:
            error = 1.96 * float(returns.std(ddof=1)) / len(returns) ** 0.5
            self.behavior_interval = self.behavior - error, self.behavior + error

    def _bounds(self) -> tuple[float, float]:
        data, mdp = self.dataset, self.dataset.mdp
        lowest, highest = float(data.rewards.min()), float(data.rewards.max())
        if mdp is not None:
            lowest, highest = min(lowest, self._given.reward_range[0]), max(highest, self._given.reward_range[1])
        # Where an episode may end, no reward follows: 0 is always among what can still be earned.
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
        if isinstance(data.world, ContextualBandit):
            return lowest, highest
        longest = np.inf if self.gamma == 1.0 else 1.0 / (1.0 - self.gamma)
        floor, bound = (x * longest if x else 0.0 for x in (lowest, highest))
        if self.gamma == 1.0 and mdp is not None and self.v_star is not None:
            recorded, best = data.returns_to_go(1.0).max(), self.v_star[np.isfinite(self.v_star)].max()
            bound = max(float(recorded), float(best), 0.0)
        return floor, bound

    def of(self, policy: Array | Policy, *, episodes: int = 32, seed: int = 0) -> tuple[Array, Array | None]:
        """The true return of each member's policy, and its true `Q` in the rewards given, where that is known.

        Args:
            policy: `(M, S, A)` probabilities over the states of a tabular world, or the function `policy(observations)
                -> (M, N, A)`, such as `Learner.policy`. For continuous observations only the function will do, since a
                policy is played where no probe state is.
            episodes, seed: how the return is measured where it is not exact, see `measure`.

        Returns:
            `J(π) (M,)`, and `Q^π (M, S, A)` or None. At γ = 1 a policy that never ends has the limit of its expected
            total reward, see `TabularMDP.value`: ±∞ where rewards go on for ever. A member with non-finite
            probabilities has NaN.

        Raises:
            ValueError: the world is unknown, or the policy is not of the kind that it needs.
        """
        mdp = self.dataset.mdp
        if mdp is not None:
            table = policy(np.arange(mdp.n_states)) if callable(policy) else policy
            return self._evaluate(np.asarray(table, dtype=np.float64))
        if callable(policy) and isinstance(self.dataset.world, ContextualBandit):
            assert self.q_star is not None
            returns = self.dataset.world.exact_returns(policy)
            return returns, np.repeat(self.q_star[None], len(returns), axis=0)
        return self.measure(policy, episodes=episodes, seed=seed).mean, None

    def measure(self, policy: Array | Policy, *, episodes: int = 32, seed: int = 0) -> Measured:
        """The return of each member with its 95 % interval, by playing `episodes` episodes.

        Raises:
            ValueError: there is no world to play in, or `policy` is not a function of observations.
        """
        if not isinstance(self.dataset.world, Simulator):
            raise ValueError("the world of this dataset is unknown: there is no truth to compare with")
        if not callable(policy):
            raise ValueError("observations are continuous: a policy must be a function of observations (N, D)")
        return measure(self.dataset.world, policy, self.gamma, episodes=episodes, seed=seed)

    def _evaluate(self, policies: Array) -> tuple[Array, Array]:
        mdp = self.dataset.mdp
        assert mdp is not None
        if policies.shape[1:] != (mdp.n_states, mdp.n_actions):
            raise ValueError(f"policy of shape {policies.shape}: it must be (M, {mdp.n_states}, {mdp.n_actions})")
        sound = np.isfinite(policies).all(axis=(1, 2))
        q = np.full(policies.shape, np.nan)
        returns = np.full(len(policies), np.nan)
        if sound.any():
            values = mdp.value(policies[sound], self.gamma, endless="limit")
            start = mdp.initial > 0
            returns[sound] = values[:, start] @ mdp.initial[start]
            if self.dataset.reward_rule:
                values = self._given.value(policies[sound], self.gamma, endless="limit")
            q[sound] = self._given.q_from(values, self.gamma)
        return returns, q
