"""Films that viewers ask for, made in the worker: a slice at a time, beside the run and without touching it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.evaluation.film import Film, about, filming, world_of
from offrl_live.runs.clock import Clock
from offrl_live.runs.engine import Engine
from offrl_live.runs.wire import encode

Array = npt.NDArray[Any]
Order = Mapping[str, Any]

REPLAY_SLICE = 8


class FilmMaker:
    """Makes the films that were ordered, one after another; of each viewer's orders only the last one counts.

    A film of an earlier step is played by the policy of that very step: of the stored snapshot where the order brings
    it (numbered states), else by learners that are brought back from a checkpoint and trained up to there, which gives
    the same numbers to the bit. They are learners of the film's own: the run does not notice.

    Args:
        engine: the run.
        clock: the times to go by.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._orders: dict[Any, Order] = {}
        self._making: Generator[None, None, Film] | None = None
        self._order: Order = {}
        self._past: Engine | None = None

    @property
    def busy(self) -> bool:
        """Whether there is a film to be made."""
        return self._making is not None or bool(self._orders)

    def order(self, order: Order) -> Order | None:
        """Take an order: `viewer, id, step` (None: now), `member, seed`, `policy` (`(S, A)` or None), `checkpoint`
        (`(step, bytes)` or None).

        Returns:
            An earlier order of the same viewer that will not be carried out any more.
        """
        dropped = self._orders.pop(order["viewer"], None)
        if self._making is not None and self._order["viewer"] == order["viewer"]:
            dropped, self._making = self._order, None
        # The policy of this moment is what "now" means, whenever the film comes to be made.
        now = order["step"] is None or order["step"] == self._engine.step
        if now and order["policy"] is None:
            policy = policy_of(self._engine, order["member"])
            order = {**order, "step": self._engine.step, "policy": policy}
        self._orders[order["viewer"]] = order
        return dropped

    def work(self, seconds: float) -> tuple[Order, Film | None, str] | None:
        """Work for about `seconds`; when a film is finished, its order (with the step that it shows), and the film, or
        else why there is none."""
        until = self._clock.now() + seconds
        if self._making is None:
            viewer = next(iter(self._orders))
            self._order = self._orders.pop(viewer)
            self._making = self._make(self._order)
        try:
            while self._clock.now() < until:
                next(self._making)
        except StopIteration as done:
            self._making = None
            return self._order, done.value, ""
        except ValueError as error:
            self._making = None
            return self._order, None, str(error)
        return None

    def _make(self, order: Order) -> Generator[None, None, Film]:
        policy = order["policy"]
        if policy is None:
            past = yield from self._at(order["step"], order["checkpoint"])
            policy = policy_of(past, order["member"])
        dataset = self._engine.dataset
        world = world_of(dataset)
        known = about(dataset)
        if world is None or known["why_not"]:
            raise ValueError(known["why_not"])
        return (yield from filming(world, policy, known["horizon"], order["seed"]))

    def _at(self, step: int, checkpoint: tuple[int, bytes] | None) -> Generator[None, None, Engine]:
        """The run as it was at `step`."""
        past = self._past
        if past is None or past.step > step:
            past = Engine(self._engine.config, self._engine.dataset)
        # It may have been made before the last live change; a run's configuration only grows.
        past.config = self._engine.config
        if checkpoint is not None and checkpoint[0] > past.step:
            past.restore(checkpoint[1])
        self._past = past
        while past.step < step and not past.stopped:
            past.advance(min(REPLAY_SLICE, step - past.step))
            yield
        return past


def film_message(header: Mapping[str, Any], film: Film) -> bytes:
    """A film in the wire format: episodes first, `observations (E, T+1, …)`, `actions (E, T)`, `rewards (E, T)`."""
    shown = {
        "seed": film.seed,
        "horizon": film.horizon,
        "lengths": film.lengths.tolist(),
        "terminated": film.terminated.tolist(),
        "endings": film.endings,
    }
    fields = {name: getattr(film, name).swapaxes(0, 1) for name in ("observations", "actions", "rewards")}
    return encode({**header, **shown}, fields)


def policy_of(engine: Engine, member: int) -> Any:
    """What a film needs of a member's policy: `(S, A)` probabilities, or a function of observations."""
    for learner in engine.lanes:
        if member < len(learner.members):
            policy, states = learner.policy_of(member), engine.dataset.n_states
            return policy if states is None else policy(np.arange(states))
        member -= len(learner.members)
    raise ValueError("there is no such member")
