"""The Learner: members, updates, snapshots, live changes, checkpoints, and what to do when numbers run away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from offrl_core.algos import Algorithm, declarations
from offrl_core.algos import algorithm as find_algorithm
from offrl_core.algos.shared_hyperparameters import APPROXIMATORS, a_dataset, canonical_approximator
from offrl_core.data.endless import endless
from offrl_core.dataset import Dataset
from offrl_core.declarations import HyperparameterError, Value, resolve, whole
from offrl_core.formats.base import BROKEN
from offrl_core.html_table import facts_table
from offrl_core.learning.checkpoint import check, check_arrays, check_structure, from_bytes, to_bytes
from offrl_core.learning.devices import check_device
from offrl_core.learning.divergence import Advanced, Divergence, advance_program
from offrl_core.learning.encodings import fitting, not_finite
from offrl_core.learning.explain import explain
from offrl_core.learning.members import Axes
from offrl_core.learning.networks import block_size
from offrl_core.learning.observe import observe
from offrl_core.learning.policies import LearnedPolicy, TablePolicy, of_function
from offrl_core.learning.policy_files import save_policies
from offrl_core.learning.program import Program
from offrl_core.learning.rows import Rows
from offrl_core.learning.snapshot import Snapshot, merge_members
from offrl_core.threads import free_cores, one_thread

if TYPE_CHECKING:
    import torch

    from offrl_core.learning.in_torch.model import Model

Array = npt.NDArray[Any]

_TOLD = 5
"""Divergences that are told in a notebook."""


class Learner:
    """Trains one system on one dataset, many members at once.

    Any hyperparameter given as a list opens an axis: members are the product in the order given, seeds fastest.

    Args:
        dataset: the data `X`; nothing else is learned from.
        algorithm: a name of `algorithms()`, or a class that need not be among them.
        approximator: `table` (or `tabular`), `linear`, `mlp`.
        seeds: how many seeds (0, 1, …), or the seeds themselves.
        device: where the networks are. `cpu` is numpy, exact to the bit and the fastest for small networks; `cuda` and
            `mps` are PyTorch on a GPU, which is for wide networks and for hundreds of members; `torch-cpu` is the same
            way on the processor. With one thread there it is never faster than numpy, hence not the default. Losses are
            computed by numpy on every device. A checkpoint continues on any of them.
        points: configurations that are no product of axes, `[{"rho": 0.1, "gamma": 0.9}, …]`: members are each of them
            with each seed, and no axis may be opened beside them.
        settings: values of hyperparameters, or lists of values (arrays and pandas columns too);
            `hyperparameters(algorithm, approximator, dataset)` says which there are and what they may be.

    Attributes:
        members: one record each: `index, label, values` (at the start), `seed`.
        step: updates made.
        declared: the hyperparameters' declarations by name.
        divergences: a record of each member whose numbers ran away, the earliest first.

    Raises:
        HyperparameterError: a name or value is not allowed, there are more than 1024 members, or this computer does
            not have the device.
        ImportError: the device needs PyTorch, which is not installed.
    """

    def __init__(
        self,
        dataset: Dataset,
        algorithm: str | type[Algorithm],
        *,
        approximator: str = "table",
        seeds: int | Sequence[int] = 1,
        device: str = "cpu",
        points: Sequence[Mapping[str, object]] | None = None,
        **settings: object,
    ) -> None:
        self.dataset = a_dataset(dataset)
        self.device = check_device(device)
        self.algorithm = (algorithm if isinstance(algorithm, type) else find_algorithm(algorithm))()
        self.approximator = canonical_approximator(approximator, dataset)
        self.declared = {h.name: h for h in declarations(type(self.algorithm), self.approximator, dataset)}
        self._axes = Axes(self.declared, seeds, settings, points)
        self.members, self.seeds = self._axes.members, self._axes.seeds
        self._values = [dict(m.values) for m in self.members]
        self.rows = Rows(dataset)
        self.step = 0
        self.divergences: list[Divergence] = []
        self._programs = self._group()

    def _group(self) -> list[tuple[list[int], Program]]:
        """Members that differ in numbers only share a program, as many at once as the processor's cache can hold."""
        found: list[list[int]] = []
        for places in self._alike(range(len(self.members))):
            block = block_size(self.rows, self.approximator, self._values[places[0]], self.device)
            parts = np.array_split(places, -(-len(places) // block))  # of even sizes: a small rest would be slow
            found += [part.tolist() for part in parts]
        return [(places, self._program(places)) for places in found]

    def _alike(self, places: Iterable[int]) -> list[list[int]]:
        """These members, those together that agree in all choices."""
        groups: dict[tuple[object, ...], list[int]] = {}
        structural = [h.name for h in self.declared.values() if not h.numeric or h.name == "batch_size"]
        for place in places:
            groups.setdefault(tuple(self._values[place][n] for n in structural), []).append(place)
        return list(groups.values())

    def _program(self, places: Sequence[int]) -> Program:
        values, seeds = [self._values[i] for i in places], [self.members[i].seed for i in places]
        return Program(self.rows, self.algorithm, self.approximator, values, seeds, self.declared, self.device)

    def __repr__(self) -> str:
        lengths = {**{name: len(values) for name, values in self.axes.items()}, "seeds": len(self.seeds)}
        opened = " × ".join(f"{length} {name}" for name, length in lengths.items())
        where = f"{self.algorithm.name} on {self.dataset.name}, {self.approximator}"
        return f"<Learner: {where}, {len(self.members)} members ({opened}), step {self.step}>"

    def _repr_html_(self) -> str:
        current = {
            name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in self.hyperparameters.items()
        }
        sizes = (
            ("dataset", repr(self.dataset).strip("<>")),
            ("approximator", APPROXIMATORS[self.approximator]),
            ("members", f"{len(self.members)}, seeds {', '.join(map(str, self.seeds))}"),
            ("device", "" if self.device == "cpu" else self.device),
            ("step", f"{self.step:,}"),
            ("beware", self.endless),
            ("diverged", "; ".join(map(str, self.divergences[:_TOLD])) + (" …" if self.divergences[_TOLD:] else "")),
        )
        learns = "".join(f"<div>$${escape(part, quote=False)}$$</div>" for part in self.equation.split(r"\qquad"))
        return facts_table(self.algorithm.title, (*sizes, *current.items())) + learns

    @property
    def axes(self) -> dict[str, list[Value]]:
        """The opened hyperparameters and their current values."""
        return {name: list(values) for name, values in self._axes.values.items()}

    @property
    def endless(self) -> str:
        """Why values may not settle, in a sentence: a member bootstraps without a discount on data that never ends.
        Empty where that is not so."""
        at_one = any(v.get("gamma") == 1.0 and self.algorithm.bootstraps(v) for v in self._values)
        return endless(self.dataset) if at_one else ""

    # training

    @property
    def diverged(self) -> Divergence | None:
        """The first member whose numbers ran away, or None; see `divergences` for all."""
        return self.divergences[0] if self.divergences else None

    @property
    def active(self) -> list[int]:
        """Members that still train."""
        gone = {d.index for d in self.divergences}
        return [m.index for m in self.members if m.index not in gone]

    @property
    def steps_per_epoch(self) -> int:
        """Updates that read as many rows as the data has."""
        size = int(self._values[0]["batch_size"])
        return 1 if size == 0 else max(1, -(-len(self.dataset) // size))

    def advance(self, steps: int) -> int:
        """Make `steps` updates and return how many were made.

        A member whose next update would leave the finite numbers keeps its last finite state and is recorded in
        `divergences`; the others go on. Fewer updates than asked are made only when no member is left.

        Raises:
            HyperparameterError: `steps` is not a whole number from 0 on.
        """
        steps = whole("steps", steps, 0)
        done = 0
        alive: list[tuple[list[int], Program]] = []
        with one_thread():
            advanced = iter(self._advanced(steps))
            for places, program in self._programs:
                if program.frozen:
                    alive.append((places, program))
                    continue
                for kept, part, records in next(advanced):
                    mine = [places[i] for i in kept]
                    alive.append((mine, part))
                    if not part.frozen:
                        done = steps
                    for record in records:
                        done = max(done, record.step - self.step - 1)
                        self.divergences.append(record.named(mine[0], self.members[mine[0]].label))
            self._programs = alive
            self.divergences.sort(key=lambda d: (d.step, d.index))
        self.step += done
        return done

    def _advanced(self, steps: int) -> list[Advanced]:
        """What `advance_program` makes of each program that trains. Wide ones train side by side where cores are free,
        each on one thread, so that the numbers are the same however many there are."""
        programs = [program for _, program in self._programs if not program.frozen]
        side_by_side = min(len(programs), free_cores()) if self._wide else 1
        with ThreadPoolExecutor(side_by_side) if side_by_side > 1 else nullcontext() as pool:
            return list((pool.map if pool else map)(partial(advance_program, steps=steps), programs))

    @property
    def _wide(self) -> bool:
        """Whether a member by itself keeps a core busy with products alone. Somebody's own code runs in one thread."""
        block = block_size(self.rows, self.approximator, self._values[0], self.device)
        return block == 1 and self.device == "cpu" and not self.algorithm.file

    # looking

    def snapshot(self, *, reads: bool = False) -> Snapshot:
        """What every member believes and would do now.

        Args:
            reads: tell what targets read also where values are not a table; networks are evaluated once more for it.
        """
        with one_thread():
            parts = [(places, observe(program, reads=reads)) for places, program in self._programs]
        return merge_members(parts, self.step)

    def policy(self, observations: npt.ArrayLike) -> Array:
        """`π_θ(a|s)` of every member at `(N,)` states or `(N, D)` observations: `(M, N, A)` float32.

        Raises:
            ValueError: they are no states or observations of this data.
        """
        given = fitting(self.dataset, observations)
        return self._policies(len(given), lambda places: given)

    def policy_each(self, observations: Array) -> Array:
        """`π_θ(a|s)` of every member at continuous observations of its own: `(M, N, D) → (M, N, A)` float32.

        For playing many members at once: `policy` would evaluate every member on every member's rows.

        Raises:
            ValueError: the shape is another one, or a number is not finite. (States are numbers where data is tabular:
                look them up in `policy`.)
        """
        if self.dataset.tabular or observations.ndim != 3 or len(observations) != len(self.members):
            raise ValueError(f"observations of shape {observations.shape}: they must be ({len(self.members)}, N, D)")
        if said := not_finite(observations):
            raise ValueError(said)
        return self._policies(observations.shape[1], lambda places: observations[places])

    def _policies(self, rows: int, of: Callable[[list[int]], Array]) -> Array:
        """Every member's policy at the observations that `of` gives its program."""
        out = np.empty((len(self.members), rows, self.dataset.n_actions), np.float32)
        with one_thread(), np.errstate(all="ignore"):
            for places, program in self._programs:
                batch = program.outputs_at(of(places))
                out[places] = self.algorithm.policy(batch, program.hp).swapaxes(1, 2)
        return out

    def policy_of(self, member: int) -> Callable[[Array], Array]:
        """`π_θ` of one member as it is now, whatever is trained later: observations `(N, …)` → `(N, A)` float32.

        Raises:
            ValueError: there is no such member.
        """
        alone = self._alone(member)

        def policy(observations: Array) -> Array:
            with one_thread(), np.errstate(all="ignore"):
                batch = alone.outputs_at(fitting(self.dataset, observations))
                return np.asarray(self.algorithm.policy(batch, alone.hp)[0].T)

        return policy

    def policies(self) -> list[LearnedPolicy]:
        """Every member's policy and values as they are now, by the data's labels."""
        data, shown = self.dataset, self.snapshot() if self.dataset.tabular else None
        found: dict[int, LearnedPolicy] = {}
        for places, program in self._programs:
            parameters = program.arrays()["parameters"]  # once: they may lie on a device
            for place, index in enumerate(places):
                named: dict[str, Any] = {
                    "model": " ".join(filter(None, (self.algorithm.name, self.members[index].label))),
                    "algorithm": self.algorithm.name,
                    "approximator": self.approximator,
                    "dataset": data.name,
                    "step": program.updates,
                    "hyperparameters": dict(self._values[index]),
                    "actions": data.action_labels,
                }
                if shown is None:
                    found[index] = of_function(program, parameters[place : place + 1], **named)
                else:
                    q, v = (None if table is None else table[index] for table in (shown.q, shown.v))
                    found[index] = TablePolicy(
                        **named, states=data.state_labels, policy=shown.policy[index], q_table=q, v_table=v
                    )
        return [found[index] for index in sorted(found)]

    def save_policies(self, target: str | Path | BinaryIO, *, format: str | None = None) -> None:
        """Write every member's policy and values: NPZ, which `load_policy` opens, or a table, CSV or Parquet.

        Args:
            target, format: a path, whose ending tells the format, or an open file and `npz`, `csv` or `parquet`.

        Raises:
            PolicyError: there is no such format, or the table would be too large.
        """
        save_policies(self.policies(), self.dataset, target, format=format)

    def to_torch(self, member: int = 0) -> Model:
        """What a member has learned as a `torch.nn.Module`: raw states in, policy, Q, V and behaviour out.

        `model.save("model.pt2")` and `model.save("model.onnx")` write it for use elsewhere. It is a copy: whatever is
        trained later, here or there, the other stays as it is.

        Raises:
            ValueError: there is no such member.
            ImportError: PyTorch is not installed.
        """
        from offrl_core.learning.in_torch.model import Model

        alone = self._alone(member)
        data, labels = self.dataset, "states" if self.dataset.tabular else "components"
        about = {
            "algorithm": self.algorithm.name,
            "approximator": self.approximator,
            "dataset": data.name,
            "step": alone.updates,
            "hyperparameters": dict(self._values[member]),
            "actions": list(data.action_labels),
            labels: list(data.state_labels if data.tabular else data.component_labels),
        }
        return Model(alone, about)

    def from_torch(self, weights: torch.nn.Module | Mapping[str, torch.Tensor], member: int = 0) -> None:
        """Go on with the weights of a module that `to_torch` gave, or of its `state_dict()`.

        Only the member's own weights change: its target copy and its optimiser's running means stay as they are.

        Raises:
            TypeError: they are neither a module nor its state.
            ValueError: there is no such member, or the weights have another shape, belong to other data or to another
                encoding, or are not finite. Nothing is changed then.
            ImportError: PyTorch is not installed.
        """
        from offrl_core.learning.in_torch.model import flat_parameters

        given = weights if isinstance(weights, Mapping) else getattr(weights, "state_dict", dict)()
        if not given:
            raise TypeError(f"weights = {weights!r} is not allowed: it must be what to_torch gave, or its state_dict()")
        flat = flat_parameters(self._alone(member), given)
        places, program = next(pair for pair in self._programs if member in pair[0])
        arrays = {name: array.copy() for name, array in program.arrays().items()}
        arrays["parameters"][places.index(member)] = flat[0]
        program.restore(arrays, program.updates)

    def _alone(self, member: int) -> Program:
        """A program of this member only, at this point."""
        if isinstance(member, bool) or not isinstance(member, (int, np.integer)) or not 0 <= member < len(self.members):
            raise ValueError(f"member = {member!r} is not allowed: there are {len(self.members)}, from 0 on")
        places, program = next(pair for pair in self._programs if member in pair[0])
        return program.subset([places.index(member)])

    def explain(self, place: int | tuple[int, int], member: int = 0) -> dict[str, Any]:
        """One transition's numbers through the update of a member, step by step; see `explain.explain`.

        Args:
            place: a row of the data, or a state (of continuous data: a probe) and an action.
            member: which model.

        Raises:
            ValueError: there is no such member, row, state or action.
        """
        with one_thread():
            return explain(self._alone(member), place)

    # changing

    @property
    def hyperparameters(self) -> dict[str, Value | list[Value]]:
        """The current values; a list along an opened axis."""
        current: dict[str, Value | list[Value]] = dict(self._values[0])
        return current | self.axes

    @property
    def equation(self) -> str:
        """The system's equation under the first member's current choices, LaTeX."""
        return self.algorithm.equation_for(self._values[0])

    @property
    def formulas(self) -> dict[str, str]:
        """Metrics whose formula is another one under the current choices than usual, name → LaTeX."""
        return self.algorithm.formulas(self._values[0])

    def set(self, **settings: object) -> None:
        """Change live hyperparameters; they act on the next update.

        Args:
            settings: a value for all members, or along an opened axis a list of its length.

        Raises:
            HyperparameterError: unknown, not allowed, of the wrong length, or one that only a restart can change.
                Nothing is changed then.
        """
        changed: dict[str, list[Value]] = {}
        for name, given in settings.items():
            if not self._axes.find(name).live:
                raise HyperparameterError(f"{name} cannot change while training: it restarts the run")
            changed[name] = self._axes.spread(name, given)
        self.assign(changed)

    def assign(self, columns: Mapping[str, Sequence[Value]]) -> None:
        """As `set`, with one value per member for each name, all of them allowed: nothing is checked again."""
        for name, column in columns.items():
            for values, value in zip(self._values, column, strict=True):
                values[name] = value
            self._axes.move(name, column)
        # Choices of members that agreed so far may now differ.
        self._programs = [
            (alike, program if alike == places else program.subset([places.index(i) for i in alike]))
            for places, program in self._programs
            for alike in self._alike(places)
        ]
        for places, program in self._programs:
            program.set_values([self._values[i] for i in places])

    # copies and checkpoints

    def __getstate__(self) -> dict[str, Any]:
        # Layers are views of flat arrays, which a copy of every attribute would tear apart: programs are made anew.
        kept = {name: value for name, value in vars(self).items() if name not in ("rows", "_programs")}
        return {**kept, "state": self.state_dict()}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        state = kept.pop("state")
        vars(self).update(kept)
        self.rows = Rows(self.dataset)
        self.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to continue exactly: plain numbers, text and numpy arrays (copies)."""
        programs = [
            {
                "members": list(places),
                "updates": program.updates,
                "frozen": program.frozen,
                "arrays": {name: array.copy() for name, array in program.arrays().items()},
            }
            for places, program in self._programs
        ]
        return {**self._state(), "programs": programs}

    def _state(self) -> dict[str, Any]:
        return {
            "version": 2,
            "dataset": {
                "name": self.dataset.name,
                "rows": len(self.dataset),
                "fingerprint": self.dataset.fingerprint,
            },
            "algorithm": self.algorithm.name,
            "approximator": self.approximator,
            "step": self.step,
            "seeds": list(self.seeds),
            "axes": self.axes,
            "values": [dict(v) for v in self._values],
            "divergences": [asdict(d) for d in self.divergences],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict` of a learner with the same dataset, system, members and structure.

        Raises:
            ValueError: the state belongs to another learner or dataset, or is damaged. Nothing is changed then.
        """
        before = self._values
        try:
            check(state, self._state())
            values = [resolve(self.declared.values(), given) for given in state["values"]]
            check_structure(values, before, self.declared.values())
            self._values = values
            programs = []
            for part in state["programs"]:
                places = [int(i) for i in part["members"]]
                program = self._program(places)
                check_arrays(part["arrays"], program.arrays())
                program.restore(part["arrays"], int(part["updates"]))
                program.frozen = bool(part["frozen"])
                programs.append((places, program))
            divergences = [Divergence(**d) for d in state["divergences"]]
            axes, step = {name: list(values) for name, values in state["axes"].items()}, int(state["step"])
        except BROKEN as error:
            self._values = before
            raise error if isinstance(error, ValueError) else ValueError("this learner's state is damaged") from error
        self._axes.values, self.divergences, self._programs, self.step = axes, divergences, programs, step

    def to_bytes(self) -> bytes:
        """`state_dict` as an NPZ archive without pickle."""
        return to_bytes(self.state_dict())

    def from_bytes(self, data: bytes) -> None:
        """Continue from what `to_bytes` gave; raises as `load_state_dict`."""
        self.load_state_dict(from_bytes(data))
