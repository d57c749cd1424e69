"""Networks whose numbers live on a device: PyTorch evaluates them, and differentiates from the outputs on.

The losses stay those of numpy: outputs come down, gradients at the outputs go up, and autograd finds the rest. The
encoded states of the data lie on the device from the start; an update sends the numbers of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from offrl_core.algos.base import Algorithm, Loss
from offrl_core.declarations import Value
from offrl_core.learning.approximators import Inputs, Network, PairLinear
from offrl_core.learning.networks import HeadNetwork, Networks, precondition
from offrl_core.learning.optimizers import Adam
from offrl_core.learning.rows import Rows
from offrl_core.learning.sampling import Drawn

Array = npt.NDArray[Any]


class TorchNetworks(Networks):
    """Networks on one of torch's devices; the same draws, the same formulas, other sums of the last digit.

    On one thread of a processor this is no faster than numpy: what a small network needs is few calls, not many cores.
    On a GPU the order of sums is not fixed, so that two runs may differ in the last digit, and with it in all others
    later on.

    Args: as of the `Program` that they belong to, and
        device: torch's name of it.
    """

    by_number = True

    def __init__(
        self,
        rows: Rows,
        algorithm: Algorithm,
        approximator: str,
        values: Sequence[Mapping[str, Value]],
        seeds: Sequence[int],
        *,
        device: str,
        draw: bool = True,
    ) -> None:
        super().__init__(rows, algorithm, approximator, values, seeds)
        self.device = device
        start = np.zeros((self.members, self.size), np.float32)
        if draw:
            self._initialize(start, values, seeds)
        self._state = {"parameters": self._up(start), "target": self._up(start[:, : self.copied].copy())}
        if values[0]["optimizer"] == "adam":
            self._state |= {f"optimizer_{name}": torch.zeros_like(self._state["parameters"]) for name in "mv"}
        self._state["parameters"].requires_grad_()
        self._evaluated: dict[str, Tensor] = {}
        self._features: Tensor | None = None
        if self.encoding is not None and not self.encoding.one_hot:
            place = (self.encoding.name, device)
            if place not in rows.on_devices:
                rows.on_devices[place] = self._up(rows.placed_features(self.encoding))
            self._features = rows.on_devices[place]
        self._pairs = self._up(rows.pair_features) if self.pairs else None

    def _up(self, array: Array) -> Tensor:
        """An array of numpy on the device; writing to one may not reach the other."""
        return torch.tensor(array, device=self.device)

    # state

    def arrays(self) -> dict[str, Array]:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._state.items()}

    def kept(self) -> dict[str, Any]:
        return {name: tensor.detach().clone() for name, tensor in self._state.items()}

    def restore(self, arrays: Mapping[str, Any]) -> None:
        with torch.no_grad():
            for name, tensor in self._state.items():
                tensor.copy_(torch.as_tensor(arrays[name]))

    def finite(self) -> bool:
        return bool(torch.stack([tensor.detach().sum().isfinite() for tensor in self._state.values()]).all())

    # evaluating

    def inputs(self, observations: Array) -> Inputs:
        if self.rows.dataset.tabular and self.encoding is not None:
            return Inputs(index=np.asarray(observations)[None])
        return super().inputs(observations)

    def evaluate(self, name: str, x: Inputs, states: int, *, copy: bool = False) -> Array:
        with torch.no_grad():
            return self._down(self._outputs(self.by_name[name], x, copy))

    def _forward(self, network: HeadNetwork, x: Inputs, states: int, copy: bool) -> Array:
        if copy:
            return self.evaluate(network.head.name, x, states, copy=True)
        out = self._evaluated[network.head.name] = self._outputs(network, x, copy)
        return self._down(out)

    def _down(self, outputs: Tensor) -> Array:
        # In rows: the losses add to flat views of arrays of this layout.
        array: Array = outputs.detach().contiguous().cpu().numpy()
        return array

    def _outputs(self, network: HeadNetwork, x: Inputs, copy: bool) -> Tensor:
        """`(M, A, U)`."""
        flat: Any = self._state["target" if copy else "parameters"][:, network.place]
        function = network.function
        if isinstance(function, Network):
            return self._of_network(function, flat, x)
        if isinstance(function, PairLinear):
            return self._of_pairs(flat, x)
        table: Tensor = flat.reshape(self.members, -1, self.rows.n_states)
        return table

    def _of_network(self, function: Network, flat: Any, x: Inputs) -> Tensor:
        activation: Tensor | None = None
        layers: list[Any] = function.views(flat)  # slices and shapes, which tensors have as well
        for number, weights in enumerate(layers):
            weight, bias = weights[:, :, :-1], weights[:, :, -1:]
            if number == 0 and function.one_hot:
                assert x.index is not None
                activation = _columns(weight, torch.as_tensor(x.index, device=self.device)) + bias
            else:
                given = self._encoded(x) if activation is None else activation
                activation = torch.baddbmm(bias, weight, given.expand(self.members, -1, -1))
            if number + 1 < len(function.shapes):
                activation = torch.relu(activation)
        assert activation is not None
        return activation

    def _encoded(self, x: Inputs) -> Tensor:
        """`(1 or M, F, U)` features."""
        if x.index is None:
            assert x.dense is not None
            return torch.as_tensor(x.dense[:, :-1], device=self.device)
        assert self._features is not None
        return self._features[torch.as_tensor(x.index, device=self.device)].transpose(1, 2)

    def _of_pairs(self, theta: Tensor, x: Inputs) -> Tensor:
        assert x.index is not None
        assert self._pairs is not None
        features = self._pairs[:, :, torch.as_tensor(x.index, device=self.device)]  # (F, A, 1 or M, U)
        return (theta.T[:, None, :, None] * features).sum(0).transpose(0, 1)

    # moving

    def backward(self, drawn: Drawn, losses: Mapping[str, Loss]) -> None:
        outputs, gradients = [], []
        for network, _, _, at, curvature in self.at_outputs(drawn, losses):
            if at is None:
                continue
            if curvature is not None:
                conditioned = np.empty((self.members, *at.shape[1:]), np.float32)
                precondition(at, curvature, conditioned)
                at = conditioned
            out = self._evaluated[network.head.name][:, :, : at.shape[2]]
            outputs.append(out)
            gradients.append(self._up(np.asarray(at, np.float32)).expand_as(out))
        parameters = self._state["parameters"]
        parameters.grad = None
        torch.autograd.backward(outputs, gradients)

    def step(self, learning_rate: Array, updates: int) -> None:
        parameters, lr = self._state["parameters"], self._up(learning_rate)
        gradient = parameters.grad
        assert gradient is not None
        with torch.no_grad():
            if "optimizer_m" not in self._state:
                parameters -= lr * gradient
                return
            m, v = self._state["optimizer_m"], self._state["optimizer_v"]
            m.lerp_(gradient, 1.0 - Adam.BETA1)
            v.lerp_(gradient * gradient, 1.0 - Adam.BETA2)
            root = np.sqrt(1.0 - Adam.BETA2**updates)
            rate = lr * float(root / (1.0 - Adam.BETA1**updates))
            parameters -= rate * m / (v.sqrt() + float(Adam.EPSILON * root))

    def copy(self, where: Array | None = None) -> None:
        with torch.no_grad():
            target, online = self._state["target"], self._state["parameters"][:, : self.copied]
            target.copy_(online if where is None else torch.where(self._up(where)[:, None], online, target))

    def follow(self, rate: Array) -> None:
        with torch.no_grad():
            target = self._state["target"]
            target += self._up(rate) * (self._state["parameters"][:, : self.copied] - target)


def _columns(weight: Tensor, index: Tensor) -> Tensor:
    """`weight (M, H, S)` times one-hot `index (1 or M, U)`: a column each, `(M, H, U)`."""
    if len(index) == 1:
        return weight.index_select(2, index[0])
    return weight.gather(2, index[:, None, :].expand(-1, weight.shape[1], -1))
