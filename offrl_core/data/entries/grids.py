"""Grid worlds: the project's own layouts."""

from __future__ import annotations

from typing import Any

from offrl_core.data.behaviors import Behavior, collect, noisy, uniform
from offrl_core.data.catalogue import DatasetSpec
from offrl_core.data.dataset import Dataset
from offrl_core.data.entries import options as opt
from offrl_core.worlds.grids import double_crossing, route


def _double_crossing(seed: int, chosen: dict[str, Any]) -> Dataset:
    world = double_crossing(chosen["slip"])
    epsilon = chosen["epsilon"]
    second = world.state_names.index("(1,9)")
    start = world.state_names.index("(5,1)")
    routes = [
        ("S to D", route(world, (5, 1), (5, 4), (8, 4)), 0.5, start),
        ("S to T", route(world, (5, 1), (5, 13)), 0.3, start),
        ("B to G", route(world, (1, 9), (9, 9)), 0.2, second),
    ]
    if chosen["behavior"] == "routes":
        mix = [Behavior(name, noisy(policy, epsilon), share, (state,)) for name, policy, share, state in routes]
    elif chosen["behavior"] == "random":
        mix = [Behavior("random", uniform(world))]
    else:
        mix = [Behavior("optimal", noisy(world.greedy(world.optimal(0.95)[0]), epsilon))]
    return collect(
        world,
        mix,
        chosen["episodes"],
        200,
        seed,
        gamma=chosen["gamma"],
        name=chosen["_name"],
        options=chosen["_options"],
    )


GRIDS = (
    DatasetSpec(
        name="double-crossing",
        title="Double crossing",
        description="Two roads cross. From S half the walks turn to the small reward D, the others run into the dead end T;"
        " only walks that start at B reach the goal G.",
        lesson="No recorded walk goes from the start to the goal, yet the pieces join at the second crossing."
        " Cloning cannot take that road; Q-learning restricted to recorded actions does.",
        options=(
            opt.episodes(100),
            opt.behavior("routes", ("routes", "random", "optimal")),
            opt.epsilon(0.0),
            opt.SLIP,
            opt.gamma(0.95),
        ),
        builder=_double_crossing,
        recommended={"table": {}, "linear": {}, "mlp": {}},
    ),
)
