"""What a member learned as a `torch.nn.Module`: raw states in, probabilities and values out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from offrl_core.algos.base import Values
from offrl_core.algos.batch import Batch
from offrl_core.in_torch.algorithm import TorchAlgorithm, as_tensors
from offrl_core.learning.approximators import Function, Network, PairLinear, Table
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.in_torch.arrays import TorchArray
from offrl_core.learning.in_torch.files import WRITERS
from offrl_core.learning.program import Program

Array = npt.NDArray[Any]


class OneHot(nn.Module):
    """State numbers `(N,)` → `(N, S)`."""

    def __init__(self, states: int) -> None:
        super().__init__()
        self.states = states

    def forward(self, states: Tensor) -> Tensor:
        return nn.functional.one_hot(states, self.states).float()


class Features(nn.Module):
    """State numbers `(N,)` → what stands in a table for them, `(N, …)`."""

    features: Tensor

    def __init__(self, features: Array) -> None:
        super().__init__()
        self.register_buffer("features", torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)))

    def forward(self, states: Tensor) -> Tensor:
        return self.features[states]


class Standardized(nn.Module):
    """Observations `(N, D)` → `(s − mean) / deviation` of the data, computed in float64 as in training."""

    center: Tensor
    scale: Tensor

    def __init__(self, center: Array, scale: Array) -> None:
        super().__init__()
        self.register_buffer("center", torch.from_numpy(np.array(center, np.float64)))
        self.register_buffer("scale", torch.from_numpy(np.array(scale, np.float64)))

    def forward(self, observations: Tensor) -> Tensor:
        return ((observations.double() - self.center) / self.scale).float()


class CountsOfSeen(nn.Module):
    """Observations `(N, D)` → how often the data shows each action in this very observation, `(N, A)`.

    Each is compared with all that the data holds: of long logs, ask in small batches.
    """

    seen: Tensor
    counts: Tensor

    def __init__(self, seen: Array, counts: Array) -> None:
        super().__init__()
        self.register_buffer("seen", torch.from_numpy(np.array(seen, np.float32)))
        self.register_buffer("counts", torch.from_numpy(np.array(counts, np.float32)))

    def forward(self, observations: Tensor) -> Tensor:
        same = torch.ones(observations.shape[0], len(self.seen), dtype=torch.bool, device=observations.device)
        for component in range(self.seen.shape[1]):  # one after the other: all at once would fill the memory
            same = same & (observations[:, component, None].float() == self.seen[:, component])
        return same.float() @ self.counts


class PairValues(nn.Linear):
    """`θ·φ(s, a)`: `(N, A, F) → (N, A)`."""

    def __init__(self, features: int) -> None:
        super().__init__(features, 1, bias=False)

    def forward(self, pairs: Tensor) -> Tensor:
        return super().forward(pairs)[..., 0]


class Model(nn.Module):
    """The functions that a member of a learner has learned, with everything that they need.

    `model(states)` takes states as the dataset has them, numbers `(N,)` int64 or observations `(N, D)` float32, and
    returns a dict with those of these that the system learns: `policy` `π_θ(a|s)`, `(N, A)`; `q` `Q(s,a)`, `(N, A)`;
    `value`, what the system believes its policy is worth, `(N,)`; `behavior`, its estimate of `π_β(a|s)`, `(N, A)`.
    The systems' own functions compute policy and value, masks of unseen actions included.

    Attributes:
        heads: the functions by name (`policy`, `q`, `q2`, `value`, `behavior`); their parameters are what
            `Learner.from_torch` takes back.
        example: two states to trace it with.
        about: what it is: algorithm, approximator, dataset, step, hyperparameters, and the labels of the actions and of
            the states (or of an observation's components).
    """

    def __init__(self, program: Program, about: Mapping[str, Any]) -> None:
        super().__init__()
        rows, networks = program.rows, program.networks
        data = program.dataset
        self.about = dict(about)
        self.example = torch.zeros(2, dtype=torch.int64) if data.tabular else torch.zeros(2, data.observations.shape[1])
        self._system, self._hp = program.algorithm, program.hp
        parameters = program.arrays()["parameters"]
        self.heads = nn.ModuleDict()
        for name, network in networks.by_name.items():
            self.heads[name] = _module(network.function)
            _load(self.heads[name], network.function, parameters[:, network.place])
        self.encoder = None if networks.encoding is None else _encoder(networks.encoding)
        self.pairs = Features(rows.pair_features.transpose(2, 1, 0)) if networks.pairs else None
        self.counts: nn.Module | None = None
        if program.algorithm.uses_counts(program.values[0]):
            self.counts = Features(rows.known_counts[0].T) if data.tabular else CountsOfSeen(*rows.seen)
        self.eval()

    def forward(self, states: Tensor) -> dict[str, Tensor]:
        encoded = states if self.encoder is None else self.encoder(states)
        outputs = {}
        for name, head in self.heads.items():
            outputs[name] = head(self.pairs(states) if isinstance(head, PairValues) and self.pairs else encoded)
        counts = None if self.counts is None else self.counts(states)
        ask = _of_torch if isinstance(self._system, TorchAlgorithm) else _of_numpy
        policy, value = ask(self._system, self._hp, outputs, counts, states.shape[0])
        behavior = outputs["behavior"].softmax(-1) if "behavior" in outputs else None
        found = {"policy": policy, "q": outputs.get("q"), "value": value, "behavior": behavior}
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def save(self, target: str | Path | BinaryIO, *, format: str | None = None) -> None:
        """Write it for use without this program, for any number of states at once: `states` in, the same names out.

        `about` travels along: as ONNX metadata, and as the extra file `about.json`, which
        `torch.export.load(file, extra_files={"about.json": ""})` reads.

        Args:
            target: a path, or an open binary file.
            format: `pt2`, which `torch.export.load` opens, or `onnx`, which needs the packages `onnx` and `onnxscript`;
                by default told from the path's ending.

        Raises:
            ValueError: there is no such format.
            ImportError: a package is missing.
        """
        path = Path(target) if isinstance(target, (str, Path)) else None
        format = path.suffix.removeprefix(".").lower() if format is None and path is not None else format
        if format not in WRITERS:
            raise ValueError(f"format = {format!r} is not allowed: it must be one of {', '.join(WRITERS)}")
        data = WRITERS[format](self, self.example, self.about)
        if path is None:
            target.write(data)  # type: ignore[union-attr]
        else:
            path.write_bytes(data)


def flat_parameters(program: Program, given: Mapping[str, Any]) -> Array:
    """`(1, P)` the parameters of a one-member program from the state of a `Model`.

    Raises:
        ValueError: it is of another shape, of other data, or not finite.
    """
    own = Model(program, {}).state_dict()
    for name, tensor in own.items():
        if name not in given:
            if name.startswith("heads."):
                raise ValueError(f"these weights have no {name!r}: a model of {program.algorithm.title} is needed")
            continue
        theirs = torch.as_tensor(given[name]).detach().cpu()
        if theirs.shape != tensor.shape:
            raise ValueError(f"{name} has shape {tuple(theirs.shape)}, this learner's has {tuple(tensor.shape)}")
        if not torch.isfinite(theirs).all():
            raise ValueError(f"{name} holds numbers that are not finite")
        if not name.startswith("heads.") and not torch.allclose(theirs.to(tensor.dtype), tensor):
            raise ValueError(f"{name} is another one: these weights were trained on other data or another encoding")
    unknown = sorted(given.keys() - own.keys())
    if unknown:
        raise ValueError(f"this learner has no {unknown[0]!r}; it has {', '.join(own)}")
    flat = np.empty_like(program.arrays()["parameters"])
    for name, network in program.networks.by_name.items():
        prefix = f"heads.{name}."
        tensors = [torch.as_tensor(given[key]).detach().cpu().float() for key in own if key.startswith(prefix)]
        views = network.function.views(flat[:, network.place])
        if isinstance(network.function, Network):
            for view, weight, bias in zip(views, tensors[::2], tensors[1::2], strict=True):
                view[0, :, :-1], view[0, :, -1] = weight.numpy(), bias.numpy()
        else:
            (weights,) = tensors
            views[0][0] = weights.numpy().T if isinstance(network.function, Table) else weights.numpy()
    return flat


def _module(function: Function) -> nn.Module:
    """A module of a function's shape: `nn.Embedding`, `PairValues` or a sequence of `nn.Linear` and `nn.ReLU`."""
    if isinstance(function, Table):
        return nn.Embedding(function.states, function.outputs)
    if isinstance(function, PairLinear):
        return PairValues(function.features)
    assert isinstance(function, Network)
    layers: list[nn.Module] = []
    for rows, columns in function.shapes:
        layers += [nn.Linear(columns - 1, rows), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _load(module: nn.Module, function: Function, flat: Array) -> None:
    """Put a function's parameters `(1, P)` into its module."""
    layers = [torch.from_numpy(layer[0].copy()) for layer in function.views(flat)]
    with torch.no_grad():
        if isinstance(module, nn.Embedding):
            module.weight.copy_(layers[0].T)
        elif isinstance(module, PairValues):
            module.weight.copy_(layers[0])
        else:
            linear = [layer for layer in module.children() if isinstance(layer, nn.Linear)]
            for layer, weights in zip(linear, layers, strict=True):
                layer.weight.copy_(weights[:, :-1])
                layer.bias.copy_(weights[:, -1])


def _encoder(encoding: Encoding) -> nn.Module:
    if encoding.one_hot:
        return OneHot(encoding.size)
    if encoding.by_state is not None:
        return Features(encoding.by_state)
    assert encoding.center is not None
    return Standardized(encoding.center, encoding.scale)


def _of_numpy(
    system: Any, hp: Values, outputs: Mapping[str, Tensor], counts: Tensor | None, states: int
) -> tuple[Tensor, Tensor | None]:
    """A system's policy `(N, A)` and value `(N,)`: its functions of arrays, which are given tensors."""
    batch = Batch(1, len(next(iter(outputs.values())).T), states, 1)
    batch.outputs = {name: _array(tensor) for name, tensor in outputs.items()}
    batch.counts = None if counts is None else _array(counts)
    policy, value = system.policy(batch, hp), system.value(batch, hp)
    return policy.tensor[0].T, None if value is None else value.tensor[0]


def _array(outputs: Tensor) -> Any:
    """`(N, A) → (1, A, N)`."""
    return TorchArray(outputs.T[None])


def _of_torch(
    system: Any, hp: Values, outputs: Mapping[str, Tensor], counts: Tensor | None, states: int
) -> tuple[Tensor, Tensor | None]:
    """The same of a system that is written in torch."""
    scalar = {head.name for head in system.heads(vars(hp)) if head.scalar}
    by_state = {name: tensor[None, :, 0] if name in scalar else tensor[None] for name, tensor in outputs.items()}
    given = SimpleNamespace(**by_state, **({} if counts is None else {"counts": counts[None]}))
    numbers = as_tensors(hp)
    policy, value = system.policy_at(given, numbers), system.value_at(given, numbers)
    return policy[0], None if value is None else value[0]
