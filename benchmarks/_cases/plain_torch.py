"""A plain PyTorch training loop as CORL writes it: a replay buffer of tensors, one Adam per network."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks._cases.protocol import Turn, serve

GAMMA, BATCH, RATE, PERIOD = 0.99, 256, 1e-3, 100


class ReplayBuffer:
    """All rows as tensors; a batch is an index."""

    def __init__(self, path: str) -> None:
        with np.load(path) as rows:
            self.states = torch.tensor(rows["observations"], dtype=torch.float32)
            self.actions = torch.tensor(rows["actions"], dtype=torch.int64)[:, None]
            self.rewards = torch.tensor(rows["rewards"], dtype=torch.float32)[:, None]
            self.next_states = torch.tensor(rows["next_observations"], dtype=torch.float32)
            self.dones = torch.tensor(rows["terminations"], dtype=torch.float32)[:, None]
            self.n_actions = int(rows["n_actions"])

    def sample(self) -> tuple[Tensor, ...]:
        """A batch with replacement."""
        i = np.random.randint(0, len(self.states), size=BATCH)  # noqa: NPY002
        return self.states[i], self.actions[i], self.rewards[i], self.next_states[i], self.dones[i]


def mlp(inputs: int, outputs: int) -> nn.Module:
    """Two hidden layers of 64."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


def q_system(buffer: ReplayBuffer, alpha: float, constrained: bool) -> Callable[[], None]:
    """DQN; with `alpha` CQL; with a behaviour clone discrete BCQ."""
    features = buffer.states.shape[1]
    q, clone = mlp(features, buffer.n_actions), mlp(features, buffer.n_actions)
    target = copy.deepcopy(q).requires_grad_(False)
    q_optimizer = torch.optim.Adam(q.parameters(), lr=RATE)
    clone_optimizer = torch.optim.Adam(clone.parameters(), lr=RATE)
    step = 0

    def update() -> None:
        nonlocal step
        states, actions, rewards, next_states, dones = buffer.sample()
        with torch.no_grad():
            next_q = target(next_states)
            if constrained:
                probability = clone(next_states).softmax(dim=1)
                next_q[probability / probability.max(dim=1, keepdim=True).values <= 0.3] = -torch.inf
            y = rewards + GAMMA * (1 - dones) * next_q.max(dim=1, keepdim=True).values
        values = q(states)
        taken = values.gather(1, actions)
        loss = 0.5 * F.mse_loss(taken, y)
        if alpha:
            loss = loss + alpha * (torch.logsumexp(values, dim=1, keepdim=True) - taken).mean()
        q_optimizer.zero_grad()
        loss.backward()
        q_optimizer.step()
        if constrained:
            clone_loss = F.cross_entropy(clone(states), actions[:, 0])
            clone_optimizer.zero_grad()
            clone_loss.backward()
            clone_optimizer.step()
        step += 1
        if step % PERIOD == 0:
            target.load_state_dict(q.state_dict())

    return update


def cloning(buffer: ReplayBuffer, advantage: bool) -> Callable[[], None]:
    """BC; with `advantage` MARWIL."""
    features = buffer.states.shape[1]
    policy, value = mlp(features, buffer.n_actions), mlp(features, 1)
    policy_optimizer = torch.optim.Adam(policy.parameters(), lr=RATE)
    value_optimizer = torch.optim.Adam(value.parameters(), lr=RATE)

    def update() -> None:
        states, actions, rewards, next_states, dones = buffer.sample()
        log_pi = policy(states).log_softmax(dim=1).gather(1, actions)
        weight: Tensor | float = 1.0
        if advantage:
            v = value(states)
            with torch.no_grad():
                y = rewards + GAMMA * (1 - dones) * value(next_states)
                weight = torch.exp(y - v)
            value_loss = 0.5 * F.mse_loss(v, y)
            value_optimizer.zero_grad()
            value_loss.backward()
            value_optimizer.step()
        loss = -(weight * log_pi).mean()
        policy_optimizer.zero_grad()
        loss.backward()
        policy_optimizer.step()

    return update


def make(order: dict[str, object]) -> Turn:
    """One model: many are trained one after another."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    buffer = ReplayBuffer(str(order["data"]))
    update = {
        "cql": lambda: q_system(buffer, 1.0, False),
        "bcq": lambda: q_system(buffer, 0.0, True),
        "q-learning": lambda: q_system(buffer, 0.0, False),
        "bc": lambda: cloning(buffer, False),
        "marwil": lambda: cloning(buffer, True),
    }[str(order["system"])]()

    def turn(updates: int) -> None:
        for _ in range(updates):
            update()

    return turn


if __name__ == "__main__":
    serve(make)
