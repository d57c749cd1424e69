"""A plain PyTorch training loop as CORL writes it: a replay buffer of tensors, one Adam per network.

Where states are numbered, a table (an embedding with one output per action) learns by plain gradient steps on all rows.
"""

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
            self.n_states = int(rows["n_states"]) if "n_states" in rows else 0
            kind = torch.int64 if self.n_states else torch.float32
            self.states = torch.tensor(rows["observations"], dtype=kind)
            self.actions = torch.tensor(rows["actions"], dtype=torch.int64)[:, None]
            self.rewards = torch.tensor(rows["rewards"], dtype=torch.float32)[:, None]
            self.next_states = torch.tensor(rows["next_observations"], dtype=kind)
            self.dones = torch.tensor(rows["terminations"], dtype=torch.float32)[:, None]
            self.n_actions = int(rows["n_actions"])

    def sample(self) -> tuple[Tensor, ...]:
        """A batch with replacement; all rows for a table."""
        if self.n_states:
            return self.states, self.actions, self.rewards, self.next_states, self.dones
        i = np.random.randint(0, len(self.states), size=BATCH)  # noqa: NPY002
        return self.states[i], self.actions[i], self.rewards[i], self.next_states[i], self.dones[i]


def function(buffer: ReplayBuffer, outputs: int) -> nn.Module:
    """Two hidden layers of 64, or a table of numbered states."""
    if buffer.n_states:
        return nn.Embedding(buffer.n_states, outputs)
    inputs = buffer.states.shape[1]
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


def optimizer(buffer: ReplayBuffer, learned: nn.Module) -> torch.optim.Optimizer:
    """Adam for a network, plain gradient steps for a table."""
    if buffer.n_states:
        return torch.optim.SGD(learned.parameters(), lr=0.5)
    return torch.optim.Adam(learned.parameters(), lr=RATE)


def q_system(buffer: ReplayBuffer, alpha: float, constrained: bool) -> Callable[[], None]:
    """DQN; with `alpha` CQL; with a behaviour clone discrete BCQ."""
    q, clone = function(buffer, buffer.n_actions), function(buffer, buffer.n_actions)
    target = copy.deepcopy(q).requires_grad_(False)
    q_optimizer, clone_optimizer = optimizer(buffer, q), optimizer(buffer, clone)
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
    policy, value = function(buffer, buffer.n_actions), function(buffer, 1)
    policy_optimizer, value_optimizer = optimizer(buffer, policy), optimizer(buffer, value)

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
