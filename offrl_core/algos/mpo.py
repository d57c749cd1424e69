"""11. Maximum a posteriori policy optimisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from offrl_core.algos.advantages import over_average
from offrl_core.algos.base import Head, Loss
from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.cloning import CriticCloning
from offrl_core.algos.constrained_q import shown
from offrl_core.algos.equations import BEHAVIOR_CLONE, Q_LOSS, SHOWN, copy_rule, in_target, policy_target, together
from offrl_core.algos.explaining import Step, Transition, number
from offrl_core.algos.losses import (
    cross_entropy_to,
    divergence,
    log_softmax,
    log_sum_exp,
    softmax,
    weighted_cross_entropy,
    within,
)
from offrl_core.algos.shared_hyperparameters import CRITIC, constraint
from offrl_core.algos.targets import target_prefix, target_reads
from offrl_core.declarations import Effect, Hyperparameter, Value

TEMPERATURES = (1e-4, 1e6)
MULTIPLIERS = (1e-4, 1e4)
M_STEP = (
    r"-\mathbb{E}_s\sum_a q(a\mid s)\log\pi_\theta(a\mid s) "
    r"+ \mu\left(\mathbb{E}_s\mathrm{KL}(\pi_{\mathrm{old}}\|\pi_\theta) - \epsilon_\pi\right)"
)


class MPO(CriticCloning):
    """Build a better policy for every state by reweighting a prior, then clone it.

    E-step: `q(a|s) ∝ prior(a|s) exp(Q'(s,a)/η)`, with `η` such that `E_s KL(q ‖ prior) = ε` (the minimum of the dual
    `g(η) = ηε + η E_s log Σ_a prior(a|s) exp(Q'(s,a)/η)`). M-step: `min −E_s Σ_a q log π_θ + μ (E_s KL(π_old ‖ π_θ) −
    ε_π)`. The critic evaluates `π_old`. The prior is `π_old`, or `π_β`, a clone of the behaviour, for the offline
    reading.

    Neither prior keeps to the data by itself. A softmax leaves some probability to actions that nobody took, and
    `exp(Q'/η)` multiplies it by a `Q'` that no row corrects: with `π_β` on the double crossing at `ε` = 1 a tenth of
    the policy's probability ends there, and with the first seed the learner believes in 1.05 where the true return is
    0. `constraint` = `counted` takes that probability away: `π_θ(a|s) = π_old(a|s) = π_β(a|s) = 0` for `a ∉ Ā(s) =
    {a : n(s,a) ≥ 1}`, so that `q` is 0 there too, and no target asks for such an action.

    Implementation notes: `π_old` is the policy's target copy, moved as the critic's. With few actions the E-step is
    exact, and `η` is found by two Newton steps on the dual's slope at each update instead of gradient steps on the
    dual. `μ` follows its constraint by `log μ ← log μ + .01 · clip(KL/ε_π − 1, ±1)`, after the update that it priced.
    The critic's target is one-step, not Retrace. With `target_update` = `none`, `π_old` is the policy itself and the KL
    bound of the M-step never binds.
    """

    name = "mpo"
    title = "MPO"
    number = 11
    summary = "Reweights a prior over all actions by the critic under a KL bound, then clones the result."
    evaluated = r"\pi_{\mathrm{old}}"
    source = "Abdolmaleki et al. 2018"
    hyperparameters = (
        *CRITIC,
        Hyperparameter(
            "epsilon",
            r"\epsilon",
            0.1,
            "How far the E-step may move from its prior (KL, in nats): up gives more to the critic's favourite action; "
            "down stays with the behaviour, where that is the prior, and is slow where the prior is the policy so far.",
            low=1e-4,
            high=10.0,
            scale="log",
            effect=Effect(raises=("kl_behavior", "value_start"), lowers=("entropy",), where=("prior", ("behavior",))),
            paper=".1 (Abdolmaleki et al. 2018)",
            label="KL bound",
        ),
        Hyperparameter(
            "epsilon_policy",
            r"\epsilon_\pi",
            0.0025,
            "How far the fitted policy may move from its last copy (KL, in nats): up learns faster, down is steadier.",
            low=1e-5,
            high=10.0,
            scale="log",
            paper=".0025 for discrete actions in common implementations",
        ),
        Hyperparameter(
            "prior",
            r"\pi_{\mathrm{old}}",
            "policy",
            "What the E-step reweights: the policy so far, or a clone of the behaviour. Either leaves some probability "
            "to actions nobody took, which grows where their first Q happens to be high; the constraint takes it away.",
            choices=("policy", "behavior"),
            live=False,
            paper="policy (Abdolmaleki et al. 2018)",
        ),
        constraint(
            "Which actions may have probability: all, or only those that the data shows in that state (counted)."
        ),
    )
    defaults: ClassVar[Mapping[str, Mapping[str, Value]]] = {
        "table": {"target_update": "hard", "target_period": 10},
        "linear": {"target_update": "hard"},
        "mlp": {"target_update": "hard"},
    }

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        reads = ("s", "next") if choices["target_update"] == "none" else ("s",)
        copy = target_reads(choices, "s", "next")
        behavior = (Head("behavior"),) if choices["prior"] == "behavior" else ()
        return (
            Head("policy", reads=reads, copied=True, target_reads=copy),
            Head("q", reads=reads, copied=True, target_reads=copy, starts=True),
            *behavior,
        )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        prior = self.prior_symbol(choices["prior"])
        old = r"\pi_{\mathrm{old}} = \pi_\theta"
        if choices["target_update"] != "none":
            old = r"\pi_{\mathrm{old}} = \pi_{\theta'},\ Q' = Q_{\theta'}"
        return together(
            rf"q(a\mid s) \propto {prior}(a\mid s)\, e^{{{in_target(choices['target_update'])}(s,a)/\eta}}",
            rf"\eta:\ \mathbb{{E}}_s\mathrm{{KL}}(q\|{prior}) = \epsilon",
            r"\mathcal{L}(\theta) = " + M_STEP,
            BEHAVIOR_CLONE if choices["prior"] == "behavior" else "",
            Q_LOSS,
            policy_target(choices, self.evaluated),
            old,
            *self.support(choices),
            copy_rule(choices, r"\theta'", r"\theta"),
        )

    def support(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        """Where the policies may have probability, LaTeX; nothing where it is everywhere."""
        if choices["constraint"] == "none":
            return ()
        policies = [r"\pi_\theta", r"\pi_{\mathrm{old}}", *([r"\pi_\beta"] if choices["prior"] == "behavior" else [])]
        zero = " = ".join(f"{policy}(a\\mid s)" for policy in policies)
        return SHOWN, rf"{zero} = 0 \text{{ for }} a \notin \bar A(s)"

    def prior_symbol(self, prior: Value) -> str:
        """What the E-step reweights, LaTeX."""
        return r"\pi_\beta" if prior == "behavior" else r"\pi_{\mathrm{old}}"

    def formulas(self, choices: Mapping[str, Value]) -> dict[str, str]:
        exponential = rf"e^{{{in_target(choices['target_update'])}(s,a)/\eta}}"
        mean = rf"\mathbb{{E}}_{{a\sim {self.prior_symbol(choices['prior'])}}}"
        dual = rf"\eta\epsilon + \eta\,\mathbb{{E}}_s\big[\log {mean} {exponential}\big]"
        return {"loss_policy": M_STEP, "loss_dual": dual}

    def memory(self, choices: Mapping[str, Value]) -> dict[str, float | str]:
        return {"temperature": 1.0, "multiplier": 1.0}

    def uses_counts(self, choices: Mapping[str, Value]) -> bool:
        return choices["constraint"] == "counted"

    def stays_on_data(self, values: Mapping[str, Value]) -> bool:
        return values["constraint"] == "counted"

    @once
    def allowed(self, batch: Batch, hp: Any) -> Array | None:
        return shown(batch.counts) if hp.constraint == "counted" else None

    @once
    def policy(self, batch: Batch, hp: Any) -> Array:
        return np.exp(self.log_policy(batch, hp, "policy"))

    def log_policy(self, batch: Batch, hp: Any, output: str) -> Array:
        """`log` of the softmax of `output` over the allowed actions, `(M, A, U)`; −∞ for the others."""
        return log_softmax(within(batch[output], self.allowed(batch, hp)))

    def next_policy(self, batch: Batch, hp: Any) -> Array:
        logits = batch[f"{target_prefix(hp)}policy_next"]
        allowed = shown(batch.counts_next) if hp.constraint == "counted" else None
        if allowed is None:
            return softmax(logits)
        # From a state without any action of the data there is nothing to bootstrap from: its value counts as 0.
        return np.where(allowed.any(axis=1, keepdims=True), softmax(within(logits, allowed)), np.float32(0))

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        log_old, log_prior = self.log_old(batch, hp), self.log_prior(batch, hp)
        dual = self.e_step(batch, hp, log_prior)
        improved = softmax(self.tilted(batch, hp, log_prior))
        losses = {"policy": self.m_step(batch, hp, improved, log_old), "td": self.critic_loss(batch, hp), "dual": dual}
        if hp.prior == "behavior":
            losses["behavior"] = weighted_cross_entropy(batch, "behavior")
        return losses

    @once
    def log_old(self, batch: Batch, hp: Any) -> Array:
        """`log π_old(a|s)`, `(M, A, U)`."""
        return self.log_policy(batch, hp, f"{target_prefix(hp)}policy")

    def log_prior(self, batch: Batch, hp: Any) -> Array:
        """What the E-step reweights, in logarithms, `(M, A, U)`."""
        return self.log_policy(batch, hp, "behavior") if hp.prior == "behavior" else self.log_old(batch, hp)

    def tilted(self, batch: Batch, hp: Any, log_prior: Array) -> Array:
        """`log prior(a|s) + Q'(s,a)/η` with the `η` of this update, `(M, A, U)`: its softmax is `q(a|s)`."""
        return np.asarray(log_prior + batch[f"{target_prefix(hp)}q"] / batch.memory["temperature"][:, :, None])

    def e_step(self, batch: Batch, hp: Any, log_prior: Array) -> Loss:
        """Moves `η` two Newton steps towards the bound; the dual's value there."""
        q = batch[f"{target_prefix(hp)}q"]
        eta = batch.memory["temperature"]
        for _ in range(2):
            kl, spread = tilt(batch, log_prior, q / eta[:, :, None])
            step = np.clip((kl - hp.epsilon) / np.maximum(spread, np.float32(1e-12)), -1, 1)
            eta = np.clip(eta * np.exp(step), *TEMPERATURES).astype(np.float32)
        batch.memory["temperature"] = eta
        scaled = self.tilted(batch, hp, log_prior)

        def dual() -> Array:
            result: Array = eta[:, 0] * (hp.epsilon[:, 0] + batch.mean_over_states(log_sum_exp(scaled)))
            return result

        return Loss(dual, {})

    def m_step(self, batch: Batch, hp: Any, improved: Array, log_old: Array) -> Loss:
        """Cloning of `q` with the KL to `π_old` priced at `μ`, which follows its constraint afterwards."""
        loss = cross_entropy_to(batch, "policy", improved, self.allowed(batch, hp))
        mu = batch.memory_before["multiplier"]
        log_pi = self.log_policy(batch, hp, "policy")
        old, share = np.exp(log_old), batch.state_share()
        kl = batch.mean_over_states(divergence(log_old, log_pi))[:, None].astype(np.float32)
        clone = loss.report
        loss.report = lambda: clone() + (mu * (kl - hp.epsilon_policy))[:, 0]
        loss.gradients["policy"] = loss.gradients["policy"] + mu[:, :, None] * share * (np.exp(log_pi) - old)
        loss.curvature["policy"] = share * (1 + mu[:, :, None])
        violation = np.clip(kl / hp.epsilon_policy - 1, -1, 1)
        batch.memory["multiplier"] = np.clip(mu * np.exp(np.float32(0.01) * violation), *MULTIPLIERS).astype(np.float32)
        return loss

    def steps(self, transition: Transition, hp: Any) -> list[Step]:
        batch, a = transition.batch, transition.action
        eta, mu = float(batch.memory["temperature"][0, 0]), float(batch.memory_before["multiplier"][0, 0])
        log_prior = self.log_prior(batch, hp)
        prior, improved = np.exp(transition.s(log_prior)), transition.s(softmax(self.tilted(batch, hp, log_prior)))
        old, pi = np.exp(transition.s(self.log_old(batch, hp))), transition.s(self.policy(batch, hp))
        gradient = pi - improved + mu * (pi - old)
        price = r"\mu\left(\pi_\theta(a\mid s) - \pi_{\mathrm{old}}(a\mid s)\right)"
        tilting = rf"{number(float(prior[a]))}\, e^{{{in_target(hp.target_update)}(s,a)/\eta}}"
        return [
            *self.weight_steps(transition, hp),
            Step("temperature", "temperature that meets the KL bound", eta, rf"\eta = {number(eta)}"),
            Step("prior", "the prior, one per action", prior.tolist()),
            Step(
                "improved",
                "the E-step's policy, one per action",
                improved.tolist(),
                rf"q(a\mid s) = {tilting} / Z(s) = {number(float(improved[a]))}",
            ),
            Step("probability", "probability now", float(pi[a]), rf"\pi_\theta(a\mid s) = {number(float(pi[a]))}"),
            Step("old", "the policy's last copy, one per action", old.tolist()),
            Step("multiplier", "price of the policy's step", mu, rf"\mu = {number(mu)}"),
            Step(
                "gradient",
                "gradient at the logits, one per action",
                gradient.tolist(),
                r"\partial/\partial\,\mathrm{logit}_a = \pi_\theta(a\mid s) - q(a\mid s) + "
                rf"{price} = {number(float(gradient[a]))}",
            ),
        ]

    @once
    def advantages(self, batch: Batch, hp: Any) -> Array:
        """`Q'(s,a) − E_{b~π_old} Q'(s,b)`: what the E-step weighs actions by, up to a factor per state."""
        return over_average(np.exp(self.log_old(batch, hp)), batch[f"{target_prefix(hp)}q"])

    def reports(self, batch: Batch, hp: Any) -> dict[str, Array]:
        kl = divergence(self.log_old(batch, hp), self.log_policy(batch, hp, "policy"))
        kl = batch.mean_over_states(kl)
        return {"kl": kl, "temperature": batch.memory["temperature"], "multiplier": batch.memory_before["multiplier"]}


def tilt(batch: Batch, log_prior: Array, scaled: Array) -> tuple[Array, Array]:
    """`E_s KL(q ‖ prior)` of `q = softmax(log prior + x)`, and `E_s Var_q(x)` = `−∂KL/∂log η`; `(M, 1)` each."""
    log_tilted = log_softmax(log_prior + scaled)
    tilted = np.exp(log_tilted)
    mean = (tilted * scaled).sum(axis=1, keepdims=True)
    variance = (tilted * np.square(scaled - mean)).sum(axis=1)
    kl = divergence(log_tilted, log_prior)
    return batch.mean_over_states(kl)[:, None], batch.mean_over_states(variance)[:, None]
