"""Losses written in PyTorch: `TorchAlgorithm` to subclass, and `Rows`, the batch that its loss reads.

Importing anything of this package imports torch, so nothing imports it before it is needed.
"""

from __future__ import annotations

from offrl_core.torch_needed import torch_missing

try:
    import torch  # noqa: F401
except ImportError as error:
    raise torch_missing("A loss written in torch") from error

from offrl_core.in_torch.algorithm import TorchAlgorithm
from offrl_core.in_torch.rows import Rows

__all__ = ["Rows", "TorchAlgorithm"]
