"""The truth that the viewer sees and the learner does not: exact values where the world is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from offrl_core.data.dataset import Array, Dataset


class Truth:
    """Reference returns of a dataset's world at a discount, and the exact value of any policy there.

    Args:
        dataset: where the data came from; what is known follows from its `mdp` or `world`.
        gamma: discount; the dataset's own by default. The discount may change live, so ask for a new `Truth` then.

    Attributes:
        behavior: `J` of the behaviour, None where nothing is known.
        behavior_kind: what `behavior` is: the exact return of the policies that collected the data, of the data's own
            action frequencies `π_β` (where the former are unknown or start elsewhere), or the mean recorded return.
        optimal, optimal_kind: the best return there is (exact), or of the best known controller (measured).
        in_support: the best return of a policy that takes only actions the data holds in that state, exact in the true
            MDP; in states the data never visits it acts uniformly. None where the world is not a known MDP.
        q_star, v_star: `(S, A)` and `(S,)`, or None.
        q_bound: no value can be above it: `max(r_max, 0)/(1−γ)`; at γ = 1 the largest `V*` of any state, or where the
            MDP is unknown the largest return of a recorded episode.
    """

    def __init__(self, dataset: Dataset, gamma: float | None = None) -> None:
        self.dataset = dataset
        self.gamma = dataset.gamma if gamma is None else float(gamma)
        self.behavior: float | None = None
        self.behavior_kind = "unknown"
        self.optimal: float | None = None
        self.optimal_kind = "unknown"
        self.in_support: float | None = None
        self.q_star: Array | None = None
        self.v_star: Array | None = None
        if dataset.mdp is not None:
            self._solve()
        self.q_bound = self._bound()

    def _solve(self) -> None:
        data, mdp = self.dataset, self.dataset.mdp
        assert mdp is not None
        self.q_star, self.v_star = mdp.optimal(self.gamma)
        self.optimal, self.optimal_kind = float(mdp.initial @ self.v_star), "exact optimum"
        _, v = mdp.best_within(data.counts > 0, self.gamma)
        self.in_support = float(mdp.initial @ v)
        if data.behavior_policies is not None and data.behaviors is not None:
            shares = np.bincount(data.behaviors, minlength=len(data.behavior_policies)) / data.n_episodes
            returns = mdp.evaluate(data.behavior_policies, self.gamma, endless="limit")
            self.behavior = float(shares[shares > 0] @ returns[shares > 0])
            self.behavior_kind = "exact return of the policy that collected the data"
        else:
            self.behavior = mdp.evaluate(data.behavior_policy, self.gamma, endless="limit")
            self.behavior_kind = "exact return of the data's own action frequencies π_β"

    def _bound(self) -> float:
        if self.gamma < 1.0:
            highest = self.dataset.rewards.max()
            if self.dataset.mdp is not None:
                highest = self.dataset.mdp.reward_range[1]
            return max(float(highest), 0.0) / (1.0 - self.gamma)
        if self.v_star is not None:
            return max(float(self.v_star.max()), 0.0)
        return max(float(self.dataset.returns_to_go(1.0).max()), 0.0)

    def of(self, policy: Any) -> tuple[Array, Array | None]:
        """The true return of each member's policy, and its true `Q`.

        Args:
            policy: `(M, S, A)` probabilities.

        Returns:
            `J(π) (M,)` and `Q^π (M, S, A)`. At γ = 1 a policy that never ends has the limit of its total reward: 0 where
            no reward is left, else ±∞. A member with non-finite probabilities has NaN.
        """
        mdp = self.dataset.mdp
        if mdp is None:
            raise ValueError("the world of this dataset is unknown: there is no truth to compare with")
        policies = np.asarray(policy, dtype=np.float64)
        sound = np.isfinite(policies).all(axis=(1, 2))
        q = np.full(policies.shape, np.nan)
        returns = np.full(len(policies), np.nan)
        if sound.any():
            values = mdp.value(policies[sound], self.gamma, endless="limit")
            start = mdp.initial > 0
            returns[sound] = values[:, start] @ mdp.initial[start]
            q[sound] = mdp.q_from(values, self.gamma)
        return returns, q
