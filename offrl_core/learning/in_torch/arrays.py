"""A tensor that numpy's functions take: a system's own policy and value, written for arrays, then run in PyTorch.

It speaks numpy's protocols `__array_ufunc__` and `__array_function__` (NEP 13 and NEP 18), so that the functions of
`offrl_core/algos` need no second version in PyTorch that could say something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partialmethod
from typing import Any

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin
from torch import Tensor

_UFUNCS: dict[str, Callable[..., Tensor]] = {
    "absolute": torch.abs,
    "bitwise_and": torch.bitwise_and,
    "bitwise_or": torch.bitwise_or,
    "equal": torch.eq,
    "exp": torch.exp,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "invert": torch.bitwise_not,
    "isfinite": torch.isfinite,
    "less": torch.lt,
    "less_equal": torch.le,
    "log": torch.log,
    "logaddexp": torch.logaddexp,
    "logical_and": torch.logical_and,
    "logical_not": torch.logical_not,
    "logical_or": torch.logical_or,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "multiply": torch.mul,
    "negative": torch.neg,
    "not_equal": torch.ne,
    "power": torch.pow,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "subtract": torch.sub,
    "add": torch.add,
    "divide": torch.div,
}
_REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "all": torch.all,
    "any": torch.any,
    "argmax": torch.argmax,
    "max": torch.amax,
    "amax": torch.amax,
    "mean": torch.mean,
    "min": torch.amin,
    "amin": torch.amin,
    "sum": torch.sum,
}
_DTYPES = {np.dtype(bool): torch.bool, np.dtype(np.float32): torch.float32, np.dtype(np.float64): torch.float64}


class TorchArray(NDArrayOperatorsMixin):
    """A tensor under the name of an array.

    Attributes:
        tensor: what it holds.

    Raises:
        ValueError: something of numpy was asked for that has no counterpart here; the message names it.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def ndim(self) -> int:
        return self.tensor.ndim

    def __len__(self) -> int:
        return int(self.tensor.shape[0])

    def __getitem__(self, key: Any) -> TorchArray:
        return TorchArray(self.tensor[key])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *given: Any, out: Any = None, **options: Any) -> TorchArray:
        if ufunc.__name__ not in _UFUNCS or method != "__call__" or options:
            raise _none_for(f"numpy.{ufunc.__name__}" + (f".{method}" if method != "__call__" else ""), options)
        result = _UFUNCS[ufunc.__name__](*(self._tensor(x) for x in given))
        if out is None:
            return TorchArray(result)
        (target,) = out
        target.tensor = result.to(target.tensor.dtype)
        return target  # type: ignore[no-any-return]

    def __array_function__(self, function: Any, types: Any, given: Any, options: Any) -> TorchArray:
        name = function.__name__
        if name in _REDUCTIONS:
            return self._reduced(name, *given[1:], **options)
        if name == "where":
            condition, yes, no = (self._tensor(x) for x in given)
            if yes.dtype == no.dtype == torch.bool:  # in these words, because ONNX Runtime has no `Where` of booleans
                return TorchArray((condition & yes) | (~condition & no))
            return TorchArray(torch.where(condition, yes, no))
        if name == "take_along_axis":
            array, places, axis = given if len(given) == 3 else (*given, options["axis"])
            return TorchArray(torch.take_along_dim(self._tensor(array), self._tensor(places), dim=axis))
        if name in ("zeros_like", "ones_like") and len(given) == 1 and not options:
            return TorchArray(torch.zeros_like(self.tensor) if name == "zeros_like" else torch.ones_like(self.tensor))
        raise _none_for(f"numpy.{name}", options)

    def __getattr__(self, name: str) -> Any:  # only reached for a name that is not there
        if name.startswith("_"):
            raise AttributeError(name)
        raise _none_for(f"an array's {name}")

    def astype(self, kind: Any) -> TorchArray:
        return TorchArray(self.tensor.to(_DTYPES[np.dtype(kind)]))

    def copy(self) -> TorchArray:
        return TorchArray(self.tensor.clone())

    def swapaxes(self, first: int, second: int) -> TorchArray:
        return TorchArray(self.tensor.swapaxes(first, second))

    def reshape(self, *shape: int) -> TorchArray:
        return TorchArray(self.tensor.reshape(*shape))

    def _reduced(self, name: str, axis: int, keepdims: bool = False) -> TorchArray:
        return TorchArray(_REDUCTIONS[name](self.tensor, dim=axis, keepdim=keepdims))

    all = partialmethod(_reduced, "all")
    any = partialmethod(_reduced, "any")
    argmax = partialmethod(_reduced, "argmax")
    max = partialmethod(_reduced, "max")
    mean = partialmethod(_reduced, "mean")
    min = partialmethod(_reduced, "min")
    sum = partialmethod(_reduced, "sum")

    def _tensor(self, x: Any) -> Tensor:
        """An operand; Python's numbers take this tensor's type, as they do in numpy."""
        if isinstance(x, TorchArray):
            return x.tensor
        if isinstance(x, (bool, int, float)):
            floating = self.tensor.dtype if self.tensor.dtype.is_floating_point else torch.float32
            return torch.as_tensor(x, dtype=torch.bool if isinstance(x, bool) else floating, device=self.tensor.device)
        return torch.as_tensor(x, device=self.tensor.device)


def _none_for(what: str, options: Iterable[str] = ()) -> ValueError:
    having = f" with {' and '.join(options)}" if options else ""
    known = ", ".join(sorted({*_UFUNCS, *_REDUCTIONS, "ones_like", "take_along_axis", "where", "zeros_like"}))
    return ValueError(
        f"{what}{having} has no counterpart in PyTorch here, and a policy or value that asks for it cannot go there: "
        f"of numpy there are {known}"
    )
