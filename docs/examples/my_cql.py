import torch

import offrl_core as orl
from offrl_core.algos.base import Head
from offrl_core.algos.shared_hyperparameters import GAMMA, INITIAL, NETWORK_TARGETS, TARGET_NETWORK
from offrl_core.in_torch import TorchAlgorithm


class MyCQL(TorchAlgorithm):
    name, title, group = "my-cql", "My CQL", "q-learning"
    summary = "Q-learning that pushes the values of all actions down and those of the data's actions back up."
    equation = (
        r"\tfrac12\left(Q(s,a) - y\right)^2 + \alpha\left(\log\sum_b e^{Q(s,b)} - Q(s,a)\right)"
        r"\qquad y = r + \gamma \max_{a'} Q'(s',a')"
    )
    networks = (Head("q", copied=True, target_reads=("next",), starts=True),)
    alpha = orl.Hyperparameter("alpha", r"\alpha", 0.1, "Up stays closer to the data.", low=0.0, high=100.0)
    hyperparameters = (GAMMA, *TARGET_NETWORK, *INITIAL, alpha)
    defaults, table_learning_rate = {"table": {"optimizer": "adam"}, **NETWORK_TARGETS}, 0.01

    def loss(self, rows, hp):
        y = rows.reward + torch.where(rows.terminated, 0, hp.gamma * rows.target_q_next.amax(-1))
        taken = rows.taken(rows.q)
        return {
            "td": rows.mean(0.5 * (taken - y) ** 2, where=rows.has_target),
            "penalty": rows.mean(hp.alpha * (rows.q.logsumexp(-1) - taken), where=rows.has_target),
        }
