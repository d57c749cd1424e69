"""A file of somebody's own, as tests save it: CQL in numpy, and what can be wrong with it."""

from __future__ import annotations

import pytest

from offrl_core import algos, own_files

TEXT = """from offrl_core.algos.losses import conservative_penalty
from offrl_core.algos.q_learning import QLearning
from offrl_core.algos.shared_hyperparameters import Q_LEARNING
from offrl_core.declarations import Hyperparameter


class Mine(QLearning):
    name, title = "mine", "Mine"
    summary = "Q-learning that pays for values of actions that the data does not show."
    hyperparameters = (*Q_LEARNING, Hyperparameter("alpha", r"\\alpha", 0.1, "Up stays closer.", low=0.0, high=10.0))

    def losses(self, batch, hp):
        losses = super().losses(batch, hp)
        penalty = conservative_penalty(batch, "q", hp.alpha)
        return {**losses, "penalty": penalty}
"""

MISTAKES = {
    "syntax": ("        return {**losses", "        return {**losses,,", "line 15: SyntaxError: invalid syntax"),
    "import": ("from offrl_core.decl", "from offrl_core.deki", "line 4: ModuleNotFoundError: No module named"),
    "exception": ("hp.alpha)", "1 / 0)", "line 14: ZeroDivisionError: division by zero"),
    "nothing": ("class Mine(QLearning)", "class Mine", "it holds no algorithm: a class that derives from Algorithm"),
    "declaration": ('"Mine"', '"Mine"; group = "best"', "line 7: group = 'best' is not allowed: it must be one of"),
    "hyperparameter": ("hp.alpha", "hp.alfa", "line 14: unknown hyperparameter 'alfa' (did you mean 'alpha'?)"),
    "output": ('"q", hp', '"q3", hp', "line 14: unknown output 'q3' (did you mean 'q'?)"),
    "nan": ("hp.alpha)", "hp.alpha * float('nan'))", "line 12: gradient of penalty is nan at the first update"),
    "shape": ("hp.alpha)", "hp.alpha[:, :, None])", "line 14: non-broadcastable output operand"),
    "equation": (
        "    def losses",
        "    def equation_for(self, choices):\n        return 3\n\n    def losses",
        "equation is 3",
    ),
    "killed": (
        "        losses = ",
        "        import os; os._exit(7)\n        losses = ",
        "that tried it ended with code 7",
    ),
    "exit": ("class Mine", "raise SystemExit(3)\nclass Mine", "line 7: SystemExit: 3"),
}
"""What is written in whose place, and what is said then."""

ENDLESS = {
    "loading": ("class Mine", "while True:\n    pass\nclass Mine", "does not end: it was stopped after"),
    "training": ("        return {", "        while True:\n            pass\n        return {", "does not end"),
}


def forget_own_files(patch: pytest.MonkeyPatch) -> None:
    """No own file and no algorithm of one is known; whatever was known is again when the patch is undone."""
    patch.setattr(algos, "_added", {})
    for kept in ("_loaded", "_kinds", "_by_version"):
        patch.setattr(own_files, kept, {})


def changed(change: tuple[str, str, str]) -> str:
    """`TEXT` with one change."""
    before, after, _ = change
    assert TEXT.count(before) >= 1
    return TEXT.replace(before, after, 1)
