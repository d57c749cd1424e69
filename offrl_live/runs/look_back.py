"""What viewers ask of a run's past, made in the worker: a slice at a time, beside the run and without touching it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from offrl_live.runs.clock import Clock
from offrl_live.runs.engine import Engine
from offrl_live.runs.films import film_of, policy_of

Order = Mapping[str, Any]

REPLAY_SLICE = 8


class LookBack:
    """Carries out orders one after another; of each viewer's orders of a kind only the last one counts.

    A `film` of an earlier step is played by the policy of that very step, and an `explain` shows the update that
    followed it, with the hyperparameters that were in force. Where the order does not bring the policy of a stored
    snapshot (numbered states), learners are brought back from a checkpoint and trained up to there, which gives the
    same numbers to the bit. They are learners of its own: the run does not notice.

    Args:
        engine: the run.
        clock: the times to go by.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._orders: dict[Any, Order] = {}
        self._making: Generator[None, None, Any] | None = None
        self._order: Order = {}
        self._past: Engine | None = None

    @property
    def busy(self) -> bool:
        """Whether there is an order to be carried out."""
        return self._making is not None or bool(self._orders)

    def order(self, order: Order) -> Order | None:
        """Take an order: `do, viewer, id, step` (None: now), `member`, `checkpoint` (`(step, bytes)` or None), and of a
        film `seed` and `policy` (`(S, A)` or None), of an explanation `what`.

        Returns:
            An earlier order of the same viewer and kind that will not be carried out any more.
        """
        kind = (order["viewer"], order["do"])
        dropped = self._orders.pop(kind, None)
        if self._making is not None and (self._order["viewer"], self._order["do"]) == kind:
            dropped, self._making = self._order, None
        # The policy of this moment is what "now" means, whenever the film comes to be made.
        now = order["step"] is None or order["step"] == self._engine.step
        if order["do"] == "film" and now and order["policy"] is None:
            policy = policy_of(self._engine, order["member"])
            order = {**order, "step": self._engine.step, "policy": policy}
        self._orders[kind] = order
        return dropped

    def work(self, seconds: float) -> tuple[Order, Any, str] | None:
        """Work for about `seconds`; when an order is finished, it (with the step that it shows), and what came of it: a
        `Film` or what `Engine.explain` gives, or else None and why."""
        until = self._clock.now() + seconds
        if self._making is None:
            first = next(iter(self._orders))
            self._order = self._orders.pop(first)
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

    def _make(self, order: Order) -> Generator[None, None, Any]:
        if order["do"] == "explain":
            past = yield from self._at(order["step"], order["checkpoint"])
            return past.explain(order["member"], order["what"])
        policy = order["policy"]
        if policy is None:
            past = yield from self._at(order["step"], order["checkpoint"])
            policy = policy_of(past, order["member"])
        return (yield from film_of(self._engine.dataset, policy, order["seed"]))

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
