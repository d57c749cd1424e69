"""What the field's terms mean, each in a sentence or two: the one place from which every page and document has them.

`python -m offrl_ui.shared.glossary` writes them for the browser (`assets/shared/terms.js`) and for readers
(`docs/glossary.md`); `marked` finds them in a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        key: what addresses name it by.
        name: the term, with its symbol or abbreviation where it has one.
        text: what it means: plain text, formulas in Unicode.
        forms: how it is written in running text, in letters, spaces and hyphens; none for what is only a symbol.
    """

    key: str
    name: str
    text: str
    forms: tuple[str, ...] = ()


TERMS = (
    # The setting
    Term(
        "offline-rl",
        "offline reinforcement learning",
        "Learning a policy from recorded episodes alone: the learner never acts in the world. Also called batch RL.",
        ("offline RL",),
    ),
    Term(
        "mdp",
        "MDP, Markov decision process",
        "States, actions, rewards and transition probabilities; what comes next depends on the present state and "
        "action alone.",
        ("MDP", "MDPs", "Markov decision process"),
    ),
    Term("state", "state s", "The situation in which an action is chosen, such as a cell of a grid."),
    Term("action", "action a", "What is chosen in a state, here always from a finite set."),
    Term("reward", "reward r", "The number received on arriving in the next state s′; what is to be maximised in sum."),
    Term(
        "policy",
        "policy π",
        "How actions are chosen: the probability π(a | s) of each action in each state.",
    ),
    Term(
        "learned-policy",
        "learned policy π_θ",
        "The policy that the algorithm has come to, with the parameters θ of its table or network.",
        ("learned policy",),
    ),
    Term(
        "behavior-policy",
        "behaviour policy π_β",
        "The policy that collected the data. Often it is not known and is estimated from the data: π̂_β(a | s), the "
        "share of action a in state s in a table, or a clone of the behaviour.",
        ("behaviour policy", "behaviour policies"),
    ),
    Term(
        "return",
        "return G",
        "The discounted sum of an episode's rewards from some step on: Gₜ = rₜ₊₁ + γ rₜ₊₂ + γ² rₜ₊₃ + …",
    ),
    Term(
        "true-return",
        "true return J(π)",
        "The expected return of a policy from the start, computed in the known world, which the learner never sees; "
        "in large worlds it is measured by playing.",
        ("true return",),
    ),
    Term(
        "gamma",
        "discount γ",
        "What a reward one step later is worth, as a factor from 0 to 1.",
        ("discount factor",),
    ),
    Term(
        "terminated",
        "terminated",
        "The world ended the episode: nothing follows, so the target is r alone. Unlike truncated: there the recording "
        "stopped, and a value still follows.",
    ),
    Term(
        "truncated",
        "truncated",
        "The recording stopped although the world went on, so the target still adds γ times the next state's value.",
    ),
    # Values
    Term(
        "v",
        "state value V",
        "V(s): the expected return from state s on. V^π is that of policy π, V* that of an optimal policy.",
        ("state value", "state values"),
    ),
    Term(
        "q",
        "action value Q",
        "Q(s, a): the expected return after taking action a in state s and following the policy from there.",
        ("action value", "action values"),
    ),
    Term("q-pi", "Q^π", "The exact action values of the learned policy, computed in the known world."),
    Term(
        "q-star",
        "Q*",
        "The action values of an optimal policy: Q*(s, a) = E[r + γ max Q*(s′, a′)], the maximum over a′.",
    ),
    Term(
        "advantage",
        "advantage A",
        "A(s, a) = Q(s, a) − V(s): how much better an action is than what the policy does on average in that state.",
        ("advantage", "advantages"),
    ),
    Term(
        "td",
        "TD, temporal difference",
        "Learning a value from the reward and the next value, r + γ V(s′), instead of from the whole return. The TD "
        "error is how far this target lies above the present estimate.",
        ("TD error", "TD target", "temporal difference"),
    ),
    Term(
        "monte-carlo",
        "Monte Carlo",
        "Learning a value from the whole recorded return G: no bootstrapping, but only the value of the behaviour "
        "policy.",
        ("Monte Carlo",),
    ),
    Term(
        "bootstrapping",
        "bootstrapping",
        "Using the learner's own estimate of the next value in the target, as in y = r + γ max Q(s′, a′). (The "
        "bootstrap of statistics, which makes intervals by drawing runs again, is something else.)",
        ("bootstrapping", "bootstraps"),
    ),
    Term("target", "target y", "What an update moves the value towards: r + γ V(s′), r + γ max Q(s′, a′), or G."),
    Term(
        "target-network",
        "target network Q′",
        "A copy of Q that targets are computed from. It follows Q every K updates or by a small share κ at each, so "
        "that targets stand still for a while.",
        ("target network", "target networks"),
    ),
    Term(
        "double-q",
        "double Q-learning",
        "One Q picks the next action, the other values it: this takes out the upward bias of a maximum over noisy "
        "estimates.",
        ("double Q-learning",),
    ),
    # What goes wrong
    Term(
        "unseen",
        "unseen pair, missing action",
        "A state and an action that never occur together in the data, n(s, a) = 0: no row says what it is worth.",
        ("unseen pairs", "unseen pair", "unseen actions", "unseen action", "missing actions", "missing pairs"),
    ),
    Term(
        "ood",
        "out of distribution, OOD",
        "Not like the data: an action that the behaviour policy would not take, or a state it would not reach.",
        ("out of distribution", "out-of-distribution", "OOD"),
    ),
    Term(
        "mass-unseen",
        "mass on unseen actions",
        "The probability that the learned policy gives to actions the data never shows in that state, averaged over "
        "the data's states.",
        ("mass on unseen",),
    ),
    Term(
        "extrapolation",
        "extrapolation error",
        "The error of a value where there is no data to correct it. A maximum over such values picks the largest "
        "error.",
        ("extrapolation error", "extrapolates", "extrapolation"),
    ),
    Term(
        "overestimation",
        "overestimation",
        "A value above the truth. The maximum over noisy estimates is too large on average, and bootstrapping passes "
        "it on.",
        ("overestimation", "overestimates"),
    ),
    Term(
        "deadly-triad",
        "deadly triad",
        "Function approximation, bootstrapping and off-policy data together: values may diverge, whatever the rewards.",
        ("deadly triad",),
    ),
    Term(
        "function-approximation",
        "function approximation",
        "A network or another function with fewer parameters than pairs (s, a): an update of one pair moves others, "
        "too.",
        ("function approximation",),
    ),
    Term(
        "off-policy",
        "off-policy",
        "Learning about one policy from what another one did. On-policy: the data comes from the policy learned about.",
        ("off-policy", "on-policy"),
    ),
    Term(
        "stitching",
        "stitching",
        "Joining pieces of different recorded episodes into a better way than any of them took.",
        ("stitching", "stitches", "stitch"),
    ),
    # Reweighted cloning
    Term(
        "cloning",
        "behaviour cloning, BC",
        "Supervised learning of the recorded actions: minimise −E[log π_θ(a | s)]. At best it equals the behaviour "
        "policy.",
        ("behaviour cloning",),
    ),
    Term(
        "weight",
        "weight w",
        "How much a row counts in the cloning loss −E[w log π_θ(a | s)]; the algorithms of part 1 differ in it.",
    ),
    Term("emrl", "EMRL", "Behaviour cloning weighted with the reward, w = r; it fails when rewards are negative."),
    Term("rwr", "RWR, reward-weighted regression", "Cloning with the weight exp(r/τ), or exp(G/τ).", ("RWR",)),
    Term("marwil", "MARWIL", "Cloning with the weight exp(β·A), with V learned beside it.", ("MARWIL",)),
    Term("awr", "AWR", "Advantage-weighted regression: cloning with the weight min(exp(A/τ), w_max).", ("AWR",)),
    Term(
        "awac",
        "AWAC",
        "Cloning with the weight exp(A/τ), where A comes from a critic that bootstraps on the learned policy.",
        ("AWAC",),
    ),
    Term(
        "crr",
        "CRR, critic-regularised regression",
        "Cloning of what the critic finds better than usual: the weight is 1 where A > 0, else 0, or exp(A/τ).",
        ("CRR",),
    ),
    Term(
        "iql",
        "IQL, implicit Q-learning",
        "Learns V as an expectile of Q over recorded actions and clones with the weight exp(β(Q − V)); it never asks "
        "for the value of an unseen action.",
        ("IQL",),
    ),
    Term(
        "mpo",
        "MPO",
        "Maximum a posteriori policy optimisation: reweights the old policy by exp(Q/η) under a bound on the KL "
        "divergence, then fits π_θ to the result.",
        ("MPO",),
    ),
    Term(
        "temperature",
        "temperature τ",
        "Divides in exp(A/τ): the lower it is, the more only the best rows count. β multiplies instead.",
        ("temperature",),
    ),
    Term(
        "beta",
        "inverse temperature β",
        "Multiplies in exp(β·A), in MARWIL and IQL: 0 is behaviour cloning, larger is greedier.",
    ),
    Term(
        "expectile",
        "expectile τ",
        "The value m that minimises E[|τ − 1(x < m)| (x − m)²]: 0.5 gives the mean, values towards 1 the largest x. "
        "IQL takes V from it.",
        ("expectile", "expectiles"),
    ),
    Term(
        "ess",
        "effective sample size, ESS",
        "(Σw)² / Σw²: how many equally weighted samples would be as much; among the curves it is divided by N, so that "
        "1 means that all rows count alike.",
        ("effective sample size", "effective sample sizes", "ESS"),
    ),
    Term(
        "clipping",
        "clipped weight",
        "A weight cut at w_max, so that a single row cannot take over; above the cap good rows count alike.",
        ("clipped weights", "clipped weight"),
    ),
    Term(
        "kl",
        "KL divergence",
        "KL(p ‖ q) = E_p[log p − log q]: how far q is from p; 0 only where they are equal.",
        ("KL divergence",),
    ),
    Term(
        "entropy",
        "entropy",
        "−Σ π log π, in nats: 0 for a policy that always takes one action, log A for one that takes all A alike.",
        ("entropy",),
    ),
    Term(
        "cross-entropy",
        "cross-entropy",
        "−E[log π_θ(a | s)] over the data: the loss of cloning. It is lowest where π_θ is the behaviour policy.",
        ("cross-entropy",),
    ),
    # Constrained Q-learning
    Term(
        "naive-q",
        "naive Q-learning",
        "Q-learning on a fixed dataset with the maximum over all actions, also over those that the data never shows.",
        ("naive Q-learning", "naive offline Q-learning"),
    ),
    Term(
        "abar",
        "allowed actions Ā",
        "Ā(s): the actions over which the target's maximum is taken: those in the data, or those that π̂_β finds "
        "likely enough.",
    ),
    Term(
        "bcq",
        "BCQ, batch-constrained Q-learning",
        "Q-learning whose maximum takes only actions with π̂_β(a | s) > ρ.",
        ("BCQ",),
    ),
    Term(
        "rho",
        "threshold ρ",
        "In BCQ, the least probability of an action under π̂_β for the maximum to take it. 0 is naive Q-learning; near "
        "1 only the most likely action is left.",
    ),
    Term(
        "cql",
        "CQL, conservative Q-learning",
        "Q-learning with a penalty α on large values of actions that the data does not show.",
        ("CQL",),
    ),
    # Judging without the world
    Term(
        "ope",
        "off-policy evaluation, OPE",
        "Estimating the return of a policy from the records of another one, without acting in the world.",
        ("off-policy evaluation", "off-policy estimates"),
    ),
    Term(
        "is",
        "importance sampling, IS",
        "Recorded returns, each weighted by how much likelier the policy makes its actions than the behaviour policy: "
        "Π π(a|s)/π_β(a|s). Unbiased where the data covers the policy, with a variance that grows with the length.",
        ("importance sampling",),
    ),
    Term(
        "wis",
        "weighted importance sampling, WIS",
        "Importance sampling divided by the sum of its weights instead of their number: biased, but much steadier.",
        ("weighted importance sampling", "WIS"),
    ),
    Term(
        "fqe",
        "fitted Q evaluation, FQE",
        "Learns Q^π of a given policy from the data, then reads its value at the start off it.",
        ("fitted Q evaluation", "FQE"),
    ),
    Term(
        "dr",
        "doubly robust estimate, DR",
        "A model's value, corrected by its errors on the data, weighted as in importance sampling: right where either "
        "the model or the weights are.",
        ("doubly robust",),
    ),
    Term(
        "coverage",
        "coverage",
        "Whether the data holds the states and actions that a policy reaches.",
        ("coverage",),
    ),
    # Experiments
    Term(
        "normalised-return",
        "normalised return",
        "(J(π) − J(π_β)) / (J(best) − J(π_β)): 0 is as good as the behaviour policy, 1 as good as the best policy "
        "within the data.",
        ("normalised return", "normalised returns"),
    ),
    Term(
        "iqm",
        "interquartile mean, IQM",
        "The mean of the middle half of all runs: hardly moved by a few outliers, and steadier than the median.",
        ("interquartile mean", "interquartile means", "IQM"),
    ),
    Term(
        "optimality-gap",
        "optimality gap",
        "How far runs stay below 1 on average, where what lies above 1 counts as 1. Smaller is better.",
        ("optimality gap",),
    ),
    Term(
        "performance-profile",
        "performance profile",
        "For each score, the share of runs that lie above it.",
        ("performance profile", "performance profiles"),
    ),
    Term(
        "improvement",
        "probability of improvement",
        "How likely it is that a run of X is better than a run of Y on the same task, chosen at random; half of a tie "
        "counts.",
        ("probability of improvement",),
    ),
    Term(
        "interval",
        "bootstrap interval",
        "The range of a statistic over runs drawn again with replacement, the middle 95 % of it.",
        ("bootstrap interval", "bootstrap intervals"),
    ),
)


@cache
def terms() -> dict[str, Term]:
    """All of them by key, in the order of the lecture."""
    return {term.key: term for term in TERMS}


@cache
def _forms() -> tuple[re.Pattern[str], dict[str, str]]:
    """What is looked for in a text, the longest first, and the key of each form in small letters."""
    keys = {form.lower(): term.key for term in TERMS for form in term.forms}
    longest = sorted(keys, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])", re.IGNORECASE), keys


def marked(text: str, mark: Callable[[str, str], str], seen: set[str] | None = None) -> str:
    """A plain text with each term's first occurrence marked.

    Args:
        text: without markup.
        mark: given the key and the words as they stand, what stands for them.
        seen: the keys that are marked already; those found here are added.
    """
    pattern, keys = _forms()
    known = set() if seen is None else seen

    def put(found: re.Match[str]) -> str:
        key = keys[found[0].lower()]
        if key in known:
            return found[0]
        known.add(key)
        return mark(key, found[0])

    return pattern.sub(put, text)


def linked(escaped: str, seen: set[str] | None = None) -> str:
    """Escaped HTML without tags, each term's first occurrence a link that leads to what it means; `seen` as above."""
    return marked(escaped, lambda key, words: f'<a class="term" href="#term-{key}">{words}</a>', seen)
