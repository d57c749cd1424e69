"""Declarations of the hyperparameters that several systems or an approximator share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from offrl_core.dataset import Dataset
from offrl_core.declarations import Condition, Effect, Hyperparameter, HyperparameterError, Value
from offrl_core.names import did_you_mean

if TYPE_CHECKING:
    from offrl_core.algos.base import Algorithm

APPROXIMATORS = {"table": "Table", "linear": "Linear", "mlp": "Neural network (MLP)"}

GAMMA = Hyperparameter(
    "gamma",
    r"\gamma",
    0.99,
    "Discount: up looks further ahead and bootstraps more; down cares only about the next rewards.",
    low=0.0,
    high=1.0,
    label="discount",
    family=True,
)


RETURN_GAMMA = replace(
    GAMMA, help="Discount of the recorded return G: up looks further ahead, down cares only about the next rewards."
)


def signal_choice(default: str) -> Hyperparameter:
    """What a row is judged by: its reward, or the return from there on."""
    return Hyperparameter(
        "signal",
        "r",
        default,
        "What a row is judged by: the next reward only, where the discount has no say, or the whole Monte Carlo "
        "return G from there on.",
        choices=("reward", "return"),
    )


UNKNOWN = Effect()
GREEDIER = Effect(raises=("kl_behavior",), lowers=("entropy",))
"""Away from cloning, to a policy that is surer of itself."""


def temperature(
    default: float, help: str, *, paper: str, effect: Effect = UNKNOWN, needs: Condition | None = None
) -> Hyperparameter:
    """What divides in the exponent."""
    return Hyperparameter(
        "temperature",
        r"\tau",
        default,
        help,
        low=0.001,
        high=100.0,
        scale="log",
        paper=paper,
        effect=effect,
        needs=needs,
    )


def beta(default: float, *, paper: str) -> Hyperparameter:
    """What multiplies the advantage in the exponent."""
    return Hyperparameter(
        "beta",
        r"\beta",
        default,
        "How much the advantage counts: 0 is behaviour cloning, up copies only rows better than expected. Those at the "
        "cap are copied alike; without a cap exp overflows in the end.",
        low=0.0,
        high=1000.0,
        paper=paper,
        effect=GREEDIER,
        label="advantage scale",
    )


def weight_max(
    default: float, *, paper: str, where: Condition | None = None, needs: Condition | None = None
) -> Hyperparameter:
    """The cap on weights, with the choice under which its effect was measured."""
    return Hyperparameter(
        "weight_max",
        r"w_{\max}",
        default,
        "Cap on the weights: down makes good rows alike, and at the cap everywhere this is cloning; without a cap "
        "exp can overflow.",
        low=1.0,
        high=10_000.0,
        scale="log",
        paper=paper,
        effect=replace(GREEDIER, where=where),
        special={0: "no cap"},
        needs=needs,
    )


def constraint(help: str) -> Hyperparameter:
    """Whether actions that the data does not show in a state may be chosen there; `help` says by what."""
    return Hyperparameter("constraint", r"\bar A", "none", help, choices=("none", "counted"))


TARGET_NETWORK = (
    Hyperparameter(
        "target_update",
        r"Q'",
        "none",
        "Where the target's Q comes from: the network itself (none), a copy taken every K updates (hard), or one "
        "that trails behind (soft).",
        choices=("none", "hard", "soft"),
        paper="hard, every 10 000 updates (Mnih et al. 2015)",
        label="target network",
        family=True,
    ),
    Hyperparameter(
        "target_period",
        "K",
        100,
        "Updates between two hard copies: up holds the target still for longer, which slows down what is learned and "
        "also what diverges; at 1 there is no delay.",
        low=1,
        high=10_000,
        scale="log",
        integer=True,
        needs=("target_update", ("hard",)),
        family=True,
    ),
    Hyperparameter(
        "target_rate",
        r"\kappa",
        0.005,
        "Share of the way that the soft copy moves at each update: up follows faster, at 1 without a delay.",
        low=0.0001,
        high=1.0,
        scale="log",
        paper=".005 (Lillicrap et al. 2016: .001)",
        needs=("target_update", ("soft",)),
        family=True,
    ),
)
INITIAL = (
    Hyperparameter(
        "initial_value",
        r"Q_0",
        0.0,
        "What every Q is before the first update (with features of pairs: every weight θ): up is optimistic about "
        "actions that the data never shows, down pessimistic.",
        low=-1000.0,
        high=1000.0,
        live=False,
        effect=Effect(raises=("q_missing",)),
        label="initial Q",
        family=True,
    ),
    Hyperparameter(
        "initial_spread",
        r"\sigma_0",
        0.5,
        "How far the first Q values scatter around that: up makes the best-looking of the unseen actions look better; "
        "0 starts all equal.",
        low=0.0,
        high=100.0,
        live=False,
        family=True,
    ),
)
DOUBLE = Hyperparameter(
    "double",
    r"a^*",
    "none",
    "Who picks the target's action: the network that also values it (none), the online network (double), or the online "
    "network with the smaller of two values (clipped).",
    choices=("none", "double", "clipped"),
    live=False,
    paper="double: van Hasselt et al. 2016; clipped: Fujimoto et al. 2018",
    label="double Q",
    family=True,
)
Q_LEARNING = (GAMMA, *TARGET_NETWORK, DOUBLE, *INITIAL)
CRITIC = (
    GAMMA,
    replace(TARGET_NETWORK[0], paper="soft in AWAC and IQL, hard in CRR and MPO"),
    *TARGET_NETWORK[1:],
    *INITIAL,
)
NETWORK_TARGETS: Mapping[str, Mapping[str, Value]] = {"mlp": {"target_update": "soft"}}
"""Networks with hidden layers train with a trailing copy by default; the lecture's table and linear toy do not."""

LEARNING_RATE = Hyperparameter(
    "learning_rate",
    r"\mathrm{lr}",
    1e-3,
    "Step size: up learns faster and noisier, and what bootstraps diverges too far up; down is slow and steady.",
    low=1e-6,
    high=2.0,
    scale="log",
    paper="3e-4 to 1e-3 with Adam in most papers",
)
BATCH_SIZE = Hyperparameter(
    "batch_size",
    "B",
    256,
    "Rows per update: up averages more rows, steadier and slower per update; all rows removes the noise altogether.",
    low=1,
    high=4096,
    scale="log",
    integer=True,
    live=False,
    special={0: "all rows"},
)
OPTIMIZER = Hyperparameter(
    "optimizer",
    "",
    "adam",
    "Plain gradient steps (sgd), or steps scaled by the gradient's recent size (adam; use a learning rate near .001).",
    choices=("sgd", "adam"),
    live=False,
)
HIDDEN = Hyperparameter(
    "hidden",
    "",
    "64-64",
    "Units of each hidden layer: wider networks fit finer detail, and each update takes longer.",
    choices=(
        *("16", "64", "16-16", "32-32", "64-64", "128-128", "256-256", "512-512", "1024-1024"),
        *("64-64-64", "256-256-256", "512-512-512", "1024-1024-1024"),
    ),
    live=False,
    paper="256-256 in most papers",
)


def a_dataset(value: object) -> Dataset:
    """The value, if it is a dataset.

    Raises:
        HyperparameterError: it is something else.
    """
    if isinstance(value, Dataset):
        return value
    raise HyperparameterError(
        f"dataset = {value!r} is not allowed: it must be a Dataset, from load_dataset(name), Dataset.from_columns(…), "
        "Dataset.from_frame(frame) or Dataset.from_file(path)"
    )


def canonical_approximator(name: str, dataset: Dataset | None = None) -> str:
    """`table`, `linear` or `mlp`; `tabular` is taken for `table`.

    Raises:
        HyperparameterError: no such approximator, not a dataset, or a table for continuous observations.
    """
    known = "table" if name == "tabular" else name
    if not isinstance(known, str) or known not in APPROXIMATORS:
        raise HyperparameterError(
            f"approximator = {name!r} is not allowed{did_you_mean(name, APPROXIMATORS)}: it must be one of "
            f"{', '.join(APPROXIMATORS)}"
        )
    if dataset is not None and not a_dataset(dataset).tabular and known == "table":
        raise HyperparameterError("a table needs numbered states; these observations are vectors: use linear or mlp")
    return known


def approximator_hyperparameters(
    kind: type[Algorithm], approximator: str, dataset: Dataset | None
) -> tuple[Hyperparameter, ...]:
    """What the approximator lets one move, with defaults that suit it."""
    if approximator == "table":
        return (
            replace(
                LEARNING_RATE,
                default=kind.table_learning_rate,
                low=1e-4,
                paper="",
                help="Step size: with sgd, 1 puts a value where its rows point, less averages over more updates, more "
                "overshoots; the policy's logits move by this times their gradient.",
            ),
            replace(BATCH_SIZE, default=0),
            replace(OPTIMIZER, default="sgd"),
        )
    choices: tuple[str, ...] = ("one-hot",)
    if dataset is not None:
        choices = (*dataset.features, "one-hot") if dataset.tabular else ("observation",)
    encoding = Hyperparameter(
        "encoding",
        r"\phi(s)",
        choices[0],
        "What the approximator sees of a state: features, where the dataset has some, let it generalise between "
        "states; one-hot does not say which are alike.",
        choices=choices,
        live=False,
    )
    shared = (LEARNING_RATE, BATCH_SIZE, OPTIMIZER, encoding)
    return (*shared, HIDDEN) if approximator == "mlp" else shared
