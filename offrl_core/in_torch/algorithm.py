"""`TorchAlgorithm`: a system whose loss is written in torch, with gradients by autograd at the networks' outputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from offrl_core.algos.base import Algorithm, Head, Loss, Values, Weighting
from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.explaining import Step, Transition, number
from offrl_core.algos.loss_errors import LossError, mistake_in, told_by_line
from offrl_core.declarations import Value
from offrl_core.in_torch.first_bad import first_bad_line
from offrl_core.in_torch.one_thread import one_torch_thread
from offrl_core.in_torch.rows import COLUMNS, ROWS, Rows, differentiate

TAKEN = {name for name in vars(Rows) if not name.startswith("_")} | {*COLUMNS, *ROWS}
"""What no network may be called: attributes of `Rows`."""

TOLERANCE = 1e-3
"""How far the probabilities of a state may be from summing to 1, in float32 and after many operations."""

SHAPES = (
    "Hyperparameters are (M, 1), numbers of rows (M, B), outputs per action (M, B, A): beside the last write "
    "hp.gamma[..., None]"
)


class TorchAlgorithm(Algorithm):
    """Subclass this: declare `name, title, group, summary, equation, networks, hyperparameters`, and write `loss`.

    One text serves table, linear function and network, one member and many. The networks' parameters are not torch's:
    autograd goes from the loss to the outputs, and what is behind them is differentiated as for every other system.

    Class attributes, besides those of `Algorithm`:
        equation: LaTeX, its pieces parted by `\\qquad`; override `equation_for` where it depends on choices.
        networks: one `Head` each, with the places where it is read; override `networks_for` where they depend on
            choices. A target copy needs the hyperparameters of `TARGET_NETWORK` (they are in `Q_LEARNING` and in
            `CRITIC`); while `target_update` is `none` it is the network itself.

    Methods that may be written besides `loss`, all in torch: `weights`, `policy_at`, `value_at`, `allowed_at`,
    `curvature`. A mistake in any of them is raised as a `LossError` that names its file and line.
    """

    equation = ""
    networks: ClassVar[tuple[Head, ...]] = ()

    @cached_property
    def _tensors(self) -> WeakKeyDictionary[Values, Values]:
        # Not in `__init__`: a class with one of its own may leave out to call this one's.
        return WeakKeyDictionary()

    # to write

    @abstractmethod
    def loss(self, rows: Rows, hp: Any) -> Mapping[str, Tensor]:
        """The losses by name, `(M,)` each: means over the rows. Their sum is minimised.

        Args:
            rows: the batch.
            hp: the hyperparameters: numbers `(M, 1)`, choices as text.
        """

    def weights(self, rows: Rows, hp: Any) -> Tensor | None:
        """What each row's `−log π_θ(a|s)` is multiplied by, `(M, B)`, for the view of weights; None without weights."""
        return None

    def row_advantages(self, rows: Rows, hp: Any) -> Tensor | None:
        """What `weights` are made of, `(M, B)`; None where nothing of that kind is."""
        return None

    def policy_at(self, states: Rows, hp: Any) -> Tensor:
        """`π_θ(a|s)`, `(M, U, A)`; by default the softmax of the network `policy` over the allowed actions, without one
        the greedy policy on `q`, ties shared equally.

        Args:
            states: the networks' outputs at states; there is nothing of a transition in it.
            hp: the hyperparameters.
        """
        learned = self._learns("policy", hp)
        scores = states.policy if learned else states.q
        allowed = self._allowed_at(states, hp)
        if allowed is not None:
            scores = torch.where(allowed | ~allowed.any(-1, keepdim=True), scores, -torch.inf)
        if learned:
            return scores.softmax(-1)
        best = (scores == scores.amax(-1, keepdim=True)).float()
        return best / best.sum(-1, keepdim=True)

    def value_at(self, states: Rows, hp: Any) -> Tensor | None:
        """`V(s)`, `(M, U)`; by default the network `value`, without one the policy's average of `q`."""
        if self._learns("value", hp):
            return states.value
        return (self.policy_at(states, hp) * states.q).sum(-1) if self._learns("q", hp) else None

    def allowed_at(self, states: Rows, hp: Any) -> Tensor | None:
        """`Ā(s)`, `(M, U, A)` bool; None where every action is allowed."""
        return None

    def _allowed_at(self, states: Rows, hp: Any) -> Tensor | None:
        found = self.allowed_at(states, hp)
        if found is not None and (not isinstance(found, Tensor) or found.dtype != torch.bool):
            of = found.dtype if isinstance(found, Tensor) else _named(found)
            raise mistake_in(self.allowed_at, f"allowed_at returned {of}: it must be a tensor of bool, such as `q > 0`")
        return found

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        """A bound of the loss's second derivative at each output: output name → broadcastable to `(M, A, U)`.

        A table's plain step divides its gradient by it, so that a learning rate of 1 is the classic tabular step. By
        default each state's share of the rows, for `q` each pair's where it has rows; the shares of a policy count by
        its rows' weights, where these are above 1.
        """
        shares = rows.shares()
        state, pair = rows.at_states(shares), rows.at_pairs(shares)
        found: dict[str, Tensor] = {}
        for name in rows.read:
            if name.startswith("policy") and (weight := self.weights(rows, hp)) is not None:
                found[name] = torch.maximum(state, rows.at_states(weight.detach().abs() * shares))
            elif name.startswith(("policy", "behavior", "value")):
                found[name] = state
            else:
                found[name] = torch.where(pair > 0, pair, state)
        return found

    def networks_for(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        """The networks under these choices."""
        return self.networks

    # what the core asks for

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        return self.equation

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        heads = self.networks_for(choices)
        if wrong := self._wrong_with(heads):
            raise mistake_in(self.loss, wrong)
        if choices.get("target_update") != "none":
            return heads
        # Without a target network the places where its copy would be read are read by the network itself.
        return tuple(
            replace(h, reads=tuple(p for p in ("s", "next") if p in h.reads + h.target_reads), target_reads=())
            for h in heads
        )

    def _wrong_with(self, heads: tuple[Head, ...]) -> str:
        """What is wrong with the networks, in words; empty where nothing is."""
        if not isinstance(heads, tuple) or not all(isinstance(head, Head) for head in heads):
            return "the networks must be a tuple of heads, `networks = (Head('q', …),)`"
        if not heads:
            return "there are no networks: declare `networks = (Head('q', …), …)`"
        declared = {h.name for h in self.hyperparameters}
        names = [head.name for head in heads]
        for head in heads:
            if names.count(head.name) > 1:
                return f"two networks are called {head.name!r}"
            if head.name in TAKEN:
                return f"a network cannot be called {head.name!r}: rows.{head.name} is something else"
            if head.copied and not declared & {"target_update", "target_period"}:
                return (
                    f"the network {head.name!r} has a target copy, but no hyperparameter says how it follows: add "
                    "those of TARGET_NETWORK"
                )
            if head.starts and not declared >= {"initial_value", "initial_spread"}:
                return (
                    f"the network {head.name!r} has starts=True, but no hyperparameter says where it starts: add "
                    "those of INITIAL"
                )
        return ""

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        rows = self.rows(batch, hp)
        with _at_work(self.loss):
            found = self.loss(rows, self._in_torch(hp))
        if changed := rows.changed():
            raise mistake_in(
                self.loss,
                f"rows.{changed} was changed in place, and so would be the data: work on rows.{changed}.clone()",
            )
        checked = self._checked(found, batch)
        with _at_work(self.loss):
            differentiate(checked)
        batch.memory.update({name: value.detach().numpy() for name, value in rows.memory.items()})
        losses = {name: Loss(_report(value), {}) for name, value in checked.items()}
        first = next(iter(losses.values()))
        first.gradients, first.of_sum = rows.gradients(), len(losses) > 1
        if batch.curvature:
            with _at_work(self.curvature), torch.no_grad():
                bounds = self.curvature(rows, self._in_torch(hp))
            first.curvature = self._checked_curvature(bounds, first.gradients)
        return losses

    def _checked_curvature(self, found: object, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """What `curvature` returned for the outputs that the losses read, if it is what it must be."""
        if not isinstance(found, Mapping):
            told = f"curvature returned {_named(found)}: it must be a dictionary, {{'q': (M, A, U), …}}"
            raise mistake_in(self.curvature, told)
        for name in found.keys() & gradients.keys():
            bound, shape = found[name], gradients[name].shape
            if not isinstance(bound, Tensor):
                raise mistake_in(self.curvature, f"the curvature of {name!r} is {_named(bound)}: it must be a tensor")
            ends = zip(bound.shape[::-1], shape[::-1], strict=False)
            if bound.ndim > len(shape) or any(n not in (1, m) for n, m in ends):
                told = f"the curvature of {name!r} has shape {tuple(bound.shape)}: it must be broadcastable to {shape}"
                raise mistake_in(self.curvature, told)
            if bool((bound < 0).any()):
                raise mistake_in(self.curvature, f"the curvature of {name!r} is below 0 somewhere: it is divided by")
        return {name: found[name].numpy() for name in found if name in gradients}

    def _checked(self, found: object, batch: Batch) -> dict[str, Tensor]:
        """What `loss` returned, if it is what it must be."""

        def wrong(said: str, mark: str = "") -> LossError:
            return mistake_in(self.loss, said, mark)

        if not isinstance(found, Mapping) or not found:
            raise wrong(f"loss returned {_named(found)}: it must be a dictionary of losses, {{'td': (M,), …}}")
        for name, value in found.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise wrong(f"the loss {name!r} has no name to draw its curve by: letters, digits and _ are allowed")
            if not isinstance(value, Tensor) or not value.is_floating_point():
                raise wrong(f"the loss {name!r} is {_named(value)}: it must be a tensor, such as rows.mean(…)", name)
            if value.shape != (batch.members,):
                raise wrong(
                    f"the loss {name!r} has shape {tuple(value.shape)}: it must be ({batch.members},), one number for "
                    "each member, such as rows.mean(…) gives",
                    name,
                )
        if not any(value.requires_grad for value in found.values()):
            raise wrong("no loss depends on an output of the networks: was everything detached?")
        return dict(found)

    def rows(self, batch: Batch, hp: Any, *, at_states: bool = False) -> Rows:
        """The batch as tensors: its rows, or the states that the networks were evaluated at."""
        heads = self.heads(vars(hp))
        scalar = {head.name for head in heads if head.scalar}
        own = vars(hp).get("target_update") == "none"
        here = {head.name for head in heads if "next" not in head.reads}
        return Rows(batch, scalar=scalar, only_here=here, own_targets=own, at_states=at_states)

    def _in_torch(self, hp: Values) -> Values:
        if hp not in self._tensors:
            self._tensors[hp] = as_tensors(hp)
        return self._tensors[hp]

    def _learns(self, name: str, hp: Any) -> bool:
        return any(head.name == name for head in self.heads(vars(hp)))

    def _at_states(self, batch: Batch, hp: Any, method: Any) -> Array | None:
        """What a method says of the states, `(M, A, U)` or `(M, U)`."""
        with _at_work(method), torch.no_grad():
            found = method(self.rows(batch, hp, at_states=True), self._in_torch(hp))
        if found is None:
            return None
        per_action = method != self.value_at
        wide = (batch.members, batch.states) + ((batch.actions,) if per_action else ())
        array: Array = _shaped(method, found, wide, "(M, U, A)" if per_action else "(M, U)").numpy()
        return array.swapaxes(1, 2) if per_action else array

    @once
    def policy(self, batch: Batch, hp: Any) -> Array:
        found = self._at_states(batch, hp, self.policy_at)
        if found is None:
            raise mistake_in(self.policy_at, "policy_at returned None: it must be a tensor (M, U, A)")
        # What is not a number is no mistake of this kind: the networks may have run away.
        if (found < 0).any() or (np.abs(found.sum(axis=1) - 1) > TOLERANCE).any():
            raise mistake_in(
                self.policy_at, "policy_at is no distribution: it must be at least 0 and sum to 1 over actions"
            )
        return found

    @once
    def allowed(self, batch: Batch, hp: Any) -> Array | None:
        return self._at_states(batch, hp, self._allowed_at)

    @once
    def value(self, batch: Batch, hp: Any) -> Array | None:
        return self._at_states(batch, hp, self.value_at)

    def advantages(self, batch: Batch, hp: Any) -> Array | None:
        value = self.value(batch, hp)
        return batch["q"] - value[:, None, :] if self._learns("q", hp) and value is not None else None

    def weighting(self, batch: Batch, hp: Any) -> Weighting | None:
        rows, values = self.rows(batch, hp), self._in_torch(hp)
        with _at_work(self.weights):
            weight = self.weights(rows, values)
        if weight is None:
            return None
        with _at_work(self.row_advantages):
            advantage = self.row_advantages(rows, values)
        wide = (batch.members, batch.rows)
        return Weighting(
            _shaped(self.weights, weight, wide, "(M, B)").numpy(),
            None if advantage is None else _shaped(self.row_advantages, advantage, wide, "(M, B)").numpy(),
        )

    def steps(self, transition: Transition, hp: Any) -> list[Step]:
        """The outputs that the loss read, the row's part of each loss that is a mean over rows, and the gradients."""
        rows = self.rows(transition.batch, hp)
        with _at_work(self.loss):
            found = self._checked(self.loss(rows, self._in_torch(hp)), transition.batch)
            differentiate(found)
        steps = []
        for name in rows.read:
            output = transition.batch[name]
            ahead = name.endswith("_next")
            values = (transition.next if ahead else transition.s)(output).tolist()
            title = f"{name.removesuffix('_next')} at {'s′' if ahead else 's'}"
            steps.append(Step(name, title, values if len(values) > 1 else values[0]))
        for name, loss in found.items():
            part = rows.part_of(loss, transition.column)
            if part is not None:
                latex = rf"\ell_\mathrm{{{_latex(name)}}} = {number(part)}"
                steps.append(Step(f"loss_{name}", f"this row's {name}", part, latex))
        for name, gradient in rows.gradients().items():
            at = (transition.next if name.endswith("_next") else transition.s)(gradient)
            steps.append(Step(f"gradient_{name}", f"gradient of all rows' mean loss at {name}", at.tolist()))
        return steps

    def first_bad_line(self, batch: Batch, hp: Any) -> str:
        with one_torch_thread():
            return first_bad_line(self.loss, self.rows(batch, hp), self._in_torch(hp))


def as_tensors(hp: Values) -> Values:
    """Hyperparameters with tensors for their arrays, as the methods of a `TorchAlgorithm` take them."""
    return Values({k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in vars(hp).items()})


@contextmanager
def _at_work(method: Callable[..., Any]) -> Iterator[None]:
    """While a method of the system runs: on one thread, and its mistakes are told by file and line."""
    with told_by_line(method), one_torch_thread():
        try:
            yield
        except RuntimeError as error:
            if str(error).startswith("The size of tensor"):
                raise RuntimeError(f"{error}. {SHAPES}").with_traceback(error.__traceback__) from error
            raise


def _shaped(method: Callable[..., Any], found: object, wide: tuple[int, ...], said: str) -> Tensor:
    """What a method returned, in the shape that it must have."""
    must = f"it must be a tensor {said}, here {wide}"
    if not isinstance(found, Tensor):
        raise mistake_in(method, f"{method.__name__} returned {_named(found)}: {must}")
    if found.ndim != len(wide) or any(n not in (1, m) for n, m in zip(found.shape, wide, strict=True)):
        raise mistake_in(method, f"{method.__name__} returned the shape {tuple(found.shape)}: {must}")
    return found.detach().expand(wide)


def _named(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _latex(name: str) -> str:
    return name.replace("_", r"\_")


def _report(value: Tensor) -> Any:
    found = value.detach().double().numpy()
    return lambda: found
