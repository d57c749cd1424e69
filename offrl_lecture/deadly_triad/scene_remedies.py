"""Things people try against the triad, on the toy: what slows it, what cures it, and at which price."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Line, Lines, Mark, Number, NumberTiles, Panel, Panels, Picture, Point
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Prediction, Preset, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.deadly_triad import courses, remedies
from offrl_lecture.deadly_triad.remedies import Remedy
from offrl_lecture.deadly_triad.scene_shared import SHARE, THETA, gamma_control, rate_control, toy_of
from offrl_lecture.deadly_triad.toy import Toy

_STEPS = 150
_LIMIT = 1e3

_CHOICES = {
    "none": "nothing",
    "target-network": "target network",
    "double": "double Q",
    "clipped": "clipped double",
    "small-step": "step ÷ 10",
    "residual": "residual gradient",
    "constrained": r"$\bar A$",
    "bcq": "BCQ",
    "cql": "CQL",
}
_FORMS = {
    "paper": "paper",
    "lecture-a": "a: $\\sum Q$",
    "lecture-b": "b: $\\sum Q - Q$",
    "lecture-c": "c: $\\log\\sum\\exp Q - Q$",
    "lecture-d": "d: squared",
}


def _named(state: State, choice: str) -> str:
    """A remedy with the number that it depends on."""
    number_of = {
        "target-network": rf"$K={int(state['period'])}$",
        "double": rf"$\theta_B={number(float(state['second']))}\,\theta_A$",
        "clipped": rf"$\theta_B={number(float(state['second']))}\,\theta_A$",
        "bcq": rf"$\rho={number(float(state['rho']))}$",
        "cql": rf"$\alpha={number(float(state['alpha']))}$",
    }
    return _CHOICES[choice] + (f", {number_of[choice]}" if choice in number_of else "")


def _remedy(state: State, choice: str) -> tuple[Toy, Remedy]:
    toy = toy_of(state)
    if choice == "small-step":
        toy = Toy(toy.theta, toy.gamma, toy.learning_rate / 10, toy.share)
    name = {"small-step": "none", "cql": f"cql-{state['form']}"}.get(choice, choice)
    return toy, Remedy(
        name,
        period=int(state["period"]),
        second=float(state["second"]),
        rho=float(state["rho"]),
        alpha=float(state["alpha"]),
    )


def _verdict(toy: Toy, remedy: Remedy) -> tuple[str, str]:
    end, theta = remedies.verdict(toy, remedy)
    if end == "overshoots":
        return "step too large", "bad"
    if theta == -math.inf:
        return "sinks without bound", "bad"
    if end == "diverges":
        return "diverges", "bad"
    if end == "stands still":
        return f"stands still at {number(theta)}", "muted"
    if abs(theta) < 1e-9:
        return "the truth, 0", "good"
    return f"settles at {number(theta, 3)}", "muted"


def _curve(toy: Toy, remedy: Remedy, exact: np.ndarray, small: bool, down: bool) -> Lines:
    x = range(_STEPS + 1)
    lines = [Line("true value 0", (0, _STEPS), (0.0, 0.0), "truth", dash=True)]
    learned = None if small else courses.toy_thetas(toy, remedy, _STEPS)
    if learned is not None:
        lines.append(Line(r"trained $\theta$", range(len(learned)), learned, "learned", width=5.0))
        lines.append(Line("exact recursion", x[::5], exact[::5], "truth", mode="points"))
    else:
        lines.append(Line(r"$\theta$, exact recursion", x, exact, "learned", width=2.6))
    return Lines(
        title="" if small else r"The parameter $\theta$",
        x=Axis("update", low=0, high=_STEPS),
        y=Axis(r"$\theta$", scale="symlog", threshold=1.0, low=-_LIMIT if down else -0.5, high=_LIMIT),
        lines=lines,
    )


def _remedies(state: State) -> dict[str, Picture]:
    choice = str(state["remedy"])
    toy, remedy = _remedy(state, choice)
    paths = {name: remedies.remedy_trajectory(*_remedy(state, name), _STEPS) for name in _CHOICES}
    # One scale for all, so that they can be compared.
    down = any(bool(np.nanmin(path) < -0.5) for path in paths.values())
    panels = []
    for name in _CHOICES:
        verdict, tone = _verdict(*_remedy(state, name))
        lines = _curve(*_remedy(state, name), paths[name], small=True, down=down)
        # Beside a long name a small panel has no room for the number; the answer says it.
        title = _named(state, name) if len(_CHOICES[name]) <= 3 else _CHOICES[name]
        panels.append(Panel(title, lines, value=name, verdict=verdict, tone=tone))
    return {
        "theta": _curve(toy, remedy, paths[choice], small=False, down=down),
        "plain": replace(
            _curve(*_remedy(state, "none"), paths["none"], small=False, down=down),
            title=r"The parameter $\theta$, with nothing against it",
        ),
        "push": _push(toy, remedy),
        "numbers": _numbers(toy, remedy, _named(state, choice)),
        "all": Panels(
            title="All of them, with the same numbers",
            panels=tuple(panels),
            control="remedy",
            selected=list(_CHOICES).index(choice),
            columns=5,
            height="tall",
        ),
    }


def _push(toy: Toy, remedy: Remedy) -> Lines:
    """How far one step moves each θ: where the curve is above 0 at a positive θ, it runs away."""
    grid = np.linspace(-3, 3, 121)
    up, down = remedies.factors(toy, remedy)
    pull = (np.where(grid > 0, up, down) - 1) * grid
    lines, name = [], "change of $\\theta$"
    if remedy.name.startswith("cql-"):
        form = remedy.name.removeprefix("cql-")
        sink = -toy.learning_rate * remedy.alpha * remedies.penalty_gradient(form, grid, toy.share)
        lines += [Line("from the TD error", grid, pull, "bad"), Line("from the penalty", grid, sink, "good")]
        pull, name = pull + sink, "both together"
    lines.append(Line(name, grid, pull, "learned", width=3.0))
    here = float(np.interp(toy.theta, grid, pull))
    high = max(0.2, 1.1 * float(np.abs(pull[np.isfinite(pull)]).max()))
    high = min(high, 3.0)
    period = remedy.name == "target-network"
    return Lines(
        title="What one period does to each $\\theta$" if period else "What one update does to each $\\theta$",
        caption="Above the zero line $\\theta$ rises, below it falls. Drag the start.",
        x=Axis(r"$\theta$", low=-3, high=3),
        y=Axis(r"change of $\theta$", low=-high, high=high),
        lines=lines,
        marks=(Mark(0.0, "", "y"),),
        points=(Point(toy.theta, here, r"$\theta_0$", "learned", control_x="theta"),),
    )


def _numbers(toy: Toy, remedy: Remedy, named: str) -> NumberTiles:
    verdict, tone = _verdict(toy, remedy)
    tiles = [Number("where it ends", verdict, tone=tone)]  # type: ignore[arg-type]
    if remedy.name.startswith("cql-"):
        if toy.theta > 0 and toy.share == 0:
            needed = remedies.critical_alpha(remedy.name.removeprefix("cql-"), toy.theta, toy.gamma)
            tiles.append(
                Number(
                    r"$\alpha$ now",
                    number(remedy.alpha),
                    target=number(needed, 5),
                    target_name="it takes more than",
                    tone="good" if remedy.alpha > needed else "bad",
                )
            )
    elif remedy.name not in ("double", "clipped"):
        up, down = remedies.factors(toy, remedy)
        factor = up if toy.theta > 0 else down
        label = f"factor per {remedy.period} updates" if remedy.name == "target-network" else "factor per update"
        tiles.append(Number(label, number(factor), tone="bad" if factor > 1 + 1e-12 or factor < -1 else "good"))
        steps = remedy.period if remedy.name == "target-network" else 1
        if factor > 1 + 1e-12:
            tiles.append(Number("updates to double", number(math.log(2) / math.log(factor) * steps, 3)))
    if remedy.name in ("constrained", "bcq"):
        allowed = remedies.allowed_actions(toy, remedy)
        tiles.append(Number(r"the max may choose", " or ".join(f"a={a}" for a in allowed)))
    return NumberTiles(title=f"With {named}", numbers=tuple(tiles))


_SAID = {
    "none": "The toy as it is.",
    "target-network": r"The target is held for $K$ updates: $\theta$ walks towards $2\gamma\theta^-$, then the target "
    r"jumps after it. With $p=0$ a period multiplies by $2\gamma+(1-2\gamma)(1-\mathrm{lr})^K$: slower per update, the "
    r"same border.",
    "double": "One network picks the action, the other values it. That removes the bias of a max over *noise*. Here "
    "there is no noise: where one network extrapolates upwards, so does the other.",
    "clipped": "The smaller of two values counts. But both networks share the features: where one extrapolates "
    "upwards, so does the other, and the smaller one does what a single network does.",
    "small-step": r"A smaller $\mathrm{lr}$ brings the factor $1+\mathrm{lr}(\dots)$ nearer to 1 and never to the "
    "other side: the same fate, only later.",
    "residual": r"The gradient flows through the target too: true gradient descent on the Bellman error, which a small "
    r"step cannot make diverge. In general it is slow, and biased where transitions are random: it needs two "
    "independent next states of one pair, and the data hold one.",
    "constrained": r"The max reads only actions that stand in the data.",
    "bcq": r"The max reads only actions with $\pi_\beta(a)>\rho$.",
    "cql": "The penalty pushes the unseen action's value down. It meets the TD error's push upwards, and the stronger "
    "one wins.",
}


def _remedies_answer(state: State, _: object) -> str:
    choice = str(state["remedy"])
    toy, remedy = _remedy(state, choice)
    verdict, _tone = _verdict(toy, remedy)
    more = {"constrained": _abar_more, "bcq": _bcq_more, "cql": _cql_more}.get(choice)
    said = f"**{_named(state, choice)}: {verdict}.** {_SAID[choice]}"
    return said + (f"\n\n{more(toy, remedy)}" if more else "")


def _remedies_run(state: State) -> Run:
    return courses.toy_run(*_remedy(state, str(state["remedy"])))


def _abar_more(toy: Toy, remedy: Remedy) -> str:
    if toy.share == 1:
        return "Here that is $a=2$ alone, which every row corrects."
    if toy.share > 0:
        return r"One row of $a=2$ is enough to let it in: $\bar A$ holds both actions, and nothing has changed."
    if toy.gamma == 1:
        return r"Here that is $a=1$ alone, and at $\gamma=1$ it stands still: $Q=Q$ holds for any constant."
    return r"Here that is $a=1$ alone: every update multiplies by $1+\mathrm{lr}(\gamma-1)$."


def _bcq_more(toy: Toy, remedy: Remedy) -> str:
    allowed = remedies.allowed_actions(toy, remedy)
    diverges = remedies.verdict(toy, remedy)[0] == "diverges"
    return (
        rf"With $\rho={number(remedy.rho)}$ and $\pi_\beta(2)={number(toy.share)}$ that is "
        + " or ".join(f"$a={a}$" for a in allowed)
        + (": too small a threshold brings the triad back." if len(allowed) == 2 and diverges else ".")
    )


def _cql_more(toy: Toy, remedy: Remedy) -> str:
    form, end = remedy.name.removeprefix("cql-"), remedies.verdict(toy, remedy)[1]
    said = ""
    if toy.theta > 0 and toy.share == 0:
        needed = remedies.critical_alpha(form, toy.theta, toy.gamma)
        law = {
            "lecture-a": r"\theta_0(2\gamma-1)/3",
            "lecture-b": r"\theta_0(2\gamma-1)/2",
            "lecture-d": r"\theta_0(2\gamma-1)/(2\log(1+e^{\theta_0})\,\sigma(\theta_0))",
        }.get(form, r"\theta_0(2\gamma-1)/\sigma(\theta_0)")
        said = (
            rf"From this start it falls only above $\alpha={law}={number(needed, 5)}$. "
            if needed > 0
            else "At this discount nothing grows anyway. "
        )
    if end == -math.inf:
        return said + (
            r"At $\gamma=1$ nothing pulls back up: $\theta$ sinks by the same amount at every update, for ever."
            if form in ("lecture-a", "lecture-b")
            else r"At $\gamma=1$ nothing pulls back up: $\theta$ sinks for ever, though ever more slowly."
        )
    if math.isfinite(end) and end < -1e-9:
        return said + f"It ends at {number(end, 3)}, below the truth: pessimism is the price of the cure."
    if math.isfinite(end) and end > 1e-9:
        return said + f"It ends at {number(end, 3)}, above the truth."
    return said


REMEDIES = Scene(
    id="remedies",
    title="Things people try",
    question="Which of these stops it, and which only makes it slower?",
    setup="The toy with all three switches on. Each remedy changes one thing.",
    controls=(
        Control(
            Hyperparameter("remedy", "", "target-network", "What is tried.", choices=tuple(_CHOICES)),
            label="remedy",
            labels=_CHOICES,
            widget="select",
        ),
        Control(
            Hyperparameter(
                "period", "K", 10, "Updates between two copies: up holds the target longer.", 1, 50, integer=True
            ),
            label="copy every",
            unit="updates",
            shown_if=("remedy", ("target-network",)),
        ),
        Control(
            Hyperparameter(
                "second",
                r"\theta_B/\theta_A",
                0.5,
                "Where the second network starts, as a multiple of the first.",
                0.1,
                2.0,
            ),
            step=0.1,
            label="second network's start",
            shown_if=("remedy", ("double", "clipped")),
        ),
        Control(
            Hyperparameter(
                "rho", r"\rho", 0.1, "Minimum probability to be allowed: up allows fewer, 0 allows all seen.", 0.0, 1.0
            ),
            step=0.01,
            label="threshold",
            shown_if=("remedy", ("bcq",)),
        ),
        Control(
            Hyperparameter("form", "", "paper", "Which penalty.", choices=tuple(_FORMS)),
            label="penalty",
            labels=_FORMS,
            widget="select",
            shown_if=("remedy", ("cql",)),
        ),
        Control(
            Hyperparameter("alpha", r"\alpha", 1.0, "Weight of the penalty: up is more pessimistic.", 0.0, 3.0),
            step=0.01,
            label="penalty's weight",
            shown_if=("remedy", ("cql",)),
        ),
        THETA,
        gamma_control(0.9),
        rate_control(0.1, 0.25),
        SHARE,
    ),
    compute=_remedies,
    answer=_remedies_answer,
    run=_remedies_run,
    prediction=Prediction(
        r"$\gamma=.9$, $p=0$. A target network, copied every 10 updates, makes $\theta$ …",
        ("converge to 0", "settle at a wrong value", "diverge, more slowly"),
        right=2,
        at={"remedy": "target-network", "theta": 1.0, "gamma": 0.9, "share": 0.0, "period": 10},
    ),
    layout=(("theta:3", "push:2"), ("numbers",), ("all",)),
    covered=("theta", "push", "numbers", "all"),
    stand_in={"theta": "plain"},
    aside=("numbers",),
    presets=(
        Preset("Target network", {"remedy": "target-network"}),
        Preset("Clipped double", {"remedy": "clipped"}),
        Preset(r"$\bar A$ with one stray row", {"remedy": "constrained", "share": 0.01}),
        Preset("BCQ, same data", {"remedy": "bcq", "share": 0.01, "rho": 0.05}),
        Preset(r"CQL below 1.3679", {"remedy": "cql", "gamma": 1.0, "alpha": 1.36}),
        Preset(r"CQL above 1.3679", {"remedy": "cql", "gamma": 1.0, "alpha": 1.38}),
    ),
    source="Mnih et al. 2015; van Hasselt 2010; Fujimoto et al. 2018; Baird 1995; Fujimoto, Meger & Precup 2019; Kumar "
    "et al. 2020",
)
