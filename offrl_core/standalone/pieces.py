"""The parts of a script in torch that do not depend on the loss: data, networks, rows, and the loop."""

from __future__ import annotations

HEAD = '''"""{title} on {dataset}, {approximator}: {updates} updates, as a run of the offline RL explorer made them.

{about}

{how}
"""

{imports}

torch.set_num_threads(1)  # the networks are small: a second thread would wait more than it works


@dataclass
class Hyperparameters:
{hyperparameters}


hp = Hyperparameters()
'''

HOW = """Everything is in this file and in {data} beside it: python {script} (needs numpy and torch). The networks,
which are saved to networks.pt, end as those of the run did, but for the rounding of 32-bit numbers."""

CHAOS = """ Over thousands of updates hidden layers amplify that as any small difference (measured: the Q of two runs
that begin 1e-7 apart differ by .06 after 1000 updates)."""

SCHEDULE = '''SCHEDULE = {schedule}
"""What was changed while the run trained: number of updates made → new values."""
'''

DATA = """
# The data: one row for each transition (s, a, r, s').
data = np.load(Path(__file__).with_name("{data}"))
N, N_ACTIONS = len(data["action"]), {actions}
reward, action = torch.tensor(data["reward"], dtype=torch.float32), torch.tensor(data["action"])
terminated = torch.tensor(data["terminated"])  # where the MDP ended
"""

STATES = """N_STATES = {states}
state, next_state = torch.tensor(data["state"]), torch.tensor(data["next_state"])
"""

VECTORS = """

def standardized(observation):
    mean, deviation = data["observation"].mean(0, dtype=np.float64), data["observation"].std(0, dtype=np.float64)
    scaled = (observation - mean) / np.where(deviation > 1e-8, deviation, 1)
    return torch.tensor(scaled, dtype=torch.float32)


state, next_state = standardized(data["observation"]), standardized(data["next_observation"])
"""

HAS_TARGET = {
    True: "has_target = torch.ones(N, dtype=torch.bool)  # every next state is known\n",
    False: 'has_target = torch.tensor(data["has_target"])  # where the next state is known, or the episode ended\n',
}

COUNTS = """
# n(s, a): how often the data shows each action in each state, among the rows whose next state is known.
{numbers}
seen = np.zeros((number.max() + 1, N_ACTIONS), np.float32)
np.add.at(seen, (number[:N][has_target], data["action"][has_target]), 1)
every = np.zeros_like(seen)
np.add.at(every, (number[:N], data["action"]), 1)
counts_next = torch.tensor(seen)[number[N:]]
counts = torch.tensor(np.where(seen.any(1, keepdims=True), seen, every))[number[:N]]
"""

NUMBERS = {
    True: 'number = np.concatenate([data["state"], data["next_state"]])',
    False: """both = np.concatenate([data["observation"], data["next_observation"]])
number = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)""",
}

LAST = 'last = data["last"]  # where the episode ended\n'

RETURNS = '''

def returns_to_go():
    """`G_t = r + γ G_{t+1}` to the end of each recorded episode."""
    G, ahead = np.empty(N), 0.0
    for t in reversed(range(N)):
        G[t] = ahead = data["reward"][t] + hp.gamma * (0.0 if last[t] else ahead)
    return torch.tensor(G, dtype=torch.float32)
'''

LAMBDA_RETURNS = '''

@torch.no_grad()
def lambda_returns():
    """`G^λ_t = r + γ [(1 − λ) V'(s') + λ G^λ_{t+1}]` of every row, with the copy of V."""
    V = torch.where(terminated, 0, targets["value"](next_state)[:, 0]).tolist()
    r, known, G = reward.tolist(), has_target.tolist(), [0.0] * N
    for t in reversed(range(N)):
        if last[t] or (last[t + 1] and not known[t + 1]):
            ahead = V[t]
        else:
            ahead = (1 - hp.trace_decay) * V[t] + hp.trace_decay * G[t + 1]
        G[t] = r[t] + hp.gamma * ahead
    return torch.tensor(G, dtype=torch.float32)
'''

GENERATOR = '''

def generator(name):
    """The run's random numbers for the start of one network."""
    return np.random.Generator(np.random.Philox(key=[hp.seed, int.from_bytes(name.encode()[:6], "little")]))
'''

TABLE = '''

class Table(nn.Module):
    """One number for each state and output."""

    def __init__(self, name, outputs, mean=0.0, spread=0.0):
        super().__init__()
        start = mean + spread * generator(name).standard_normal((outputs, N_STATES))
        self.values = nn.Parameter(torch.tensor(start.T.copy(), dtype=torch.float32))

    def forward(self, states):
        return self.values[states]
'''

PAIRS = '''

pair_features = torch.tensor(data["pair_features"], dtype=torch.float32)  # φ(s, a)


class PairLinear(nn.Module):
    """`θ·φ(s, a)`, one weight vector for all actions."""

    def __init__(self, name, outputs, mean=0.0, spread=0.0):
        super().__init__()
        start = mean + spread * generator(name).standard_normal(pair_features.shape[2])
        self.theta = nn.Parameter(torch.tensor(start, dtype=torch.float32))

    def forward(self, states):
        return pair_features[states] @ self.theta
'''

ENCODE = {
    "one-hot": """

INPUTS = N_STATES


def encode(states):
    return nn.functional.one_hot(states, N_STATES).float()
""",
    "observation": """

INPUTS = state.shape[1]


def encode(states):
    return states
""",
    "features": """

features = data["features"].astype(np.float64)
deviation = features.std(0)
features = torch.tensor((features - features.mean(0)) / np.where(deviation > 1e-8, deviation, 1), dtype=torch.float32)
INPUTS = features.shape[1]


def encode(states):
    return features[states]
""",
}

NETWORK = '''

class Network(nn.Module):
    """{kind}"""

    def __init__(self, name, outputs, mean=0.0, spread=0.0):
        super().__init__()
        rng, widths, layers = generator(name), [INPUTS, {hidden}outputs], []
        for number, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
            is_last = number == len(widths) - 2
            scale = (spread if is_last else 2**0.5) / {energy}**0.5
            start = scale * rng.standard_normal((n_out, n_in + 1))
            layer = nn.Linear(n_in, n_out)
            layer.weight.data = torch.tensor(start[:, :-1], dtype=torch.float32)
            layer.bias.data.fill_(mean if is_last else 0.0)
            layers += [layer] if is_last else [layer, nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, states):
        return self.layers(encode(states))
'''

ROWS = '''

class Rows:
    """A batch: its transitions `(B,)`, and the networks' outputs at their states, `(B, A)` or of V `(B,)`."""

    def __init__(self, numbers):
{lines}
'''

METHODS = {
    "taken": '''
    def taken(self, output):
        """Of the row's own action: `(B, A) → (B,)`."""
        return output.gather(-1, self.action[:, None])[:, 0]
''',
    "taken_next": '''
    def taken_next(self, output):
        """Of the data's next action: `(B, A) → (B,)`."""
        return output.gather(-1, self.next_action.clamp_min(0)[:, None])[:, 0]
''',
    "mean": """
    def mean(self, x):
        return x.mean()
""",
    "mean where": '''
    def mean(self, x, where=None):
        """Over these rows only; 0 where there are none."""
        return x.mean() if where is None else torch.where(where, x, 0).sum() / where.sum().clamp(min=1)
''',
    "shares": '''
    def shares(self, where=None):
        """What each row counts in a mean."""
        counted = torch.ones(len(self.action)) if where is None else where.float()
        return counted / counted.sum().clamp(min=1)
''',
    "at_states": '''
    def at_states(self, x):
        """Sum of the rows of each state, `(S, 1)`."""
        return torch.zeros(N_STATES).index_add(0, self.state, x)[:, None]
''',
    "at_next_states": '''
    def at_next_states(self, x):
        """Sum of the rows that arrive in each state, `(S, 1)`."""
        return torch.zeros(N_STATES).index_add(0, self.next_state, x)[:, None]
''',
    "at_pairs": '''
    def at_pairs(self, x):
        """Sum of the rows of each pair, `(S, A)`."""
        pair = self.state * N_ACTIONS + self.action
        return torch.zeros(N_STATES * N_ACTIONS).index_add(0, pair, x).reshape(N_STATES, N_ACTIONS)
''',
}

ALL_ROWS = '''

def minibatch(step):
    """Every row at each update."""
    return slice(None)
'''

DRAWS = '''

@lru_cache(maxsize=1)
def draws(chunk):
    """The run's row numbers of 32 updates, with replacement."""
    rng = np.random.Generator(np.random.Philox(key=[hp.seed, 0x0FF1], counter=[0, 0, 0, chunk]))
    return torch.tensor(rng.integers(0, N, size=(32, hp.batch_size)))


def minibatch(step):
    return draws(step // 32)[step % 32]
'''

CONDITIONED = [
    "with torch.no_grad():  # a table's step is divided by the loss's curvature: lr = 1 is the classic tabular step",
    "    for name, bound in curvature(rows, hp).items():",
    "        gradient = networks[name].values.grad",
    "        gradient.copy_(torch.where(bound > 0, gradient / bound, 0))",
]

COPY = [
    "    for name, follower in targets.items():",
    "        follower.load_state_dict(networks[name].state_dict())",
]

TRAIL = [
    "    for name, follower in targets.items():",
    "        for theirs, own in zip(follower.parameters(), networks[name].parameters()):",
    "            theirs.data += hp.target_rate * (own.data - theirs.data)",
]

_STOPS = [
    '    print(f"stopped before update {step + 1}: it diverged, as it did in the run")',
    "    for p, last_finite in zip(parameters, before):",
    "        p.data = last_finite",
    "    break",
]
RUNS_AWAY = {
    "sgd": ["if not all(p.isfinite().all() for p in parameters):", *_STOPS],
    "adam": [
        "squares = [p.grad.square() for p in parameters if p.grad is not None]",
        "if not all(x.isfinite().all() for x in (*parameters, *squares)):",
        *_STOPS,
    ],
}

SAVED = [
    "",
    "saved = {name: network.state_dict() for name, network in networks.items()}",
    'torch.save(saved, Path(__file__).with_name("networks.pt"))',
    "",
]
