"""Learned functions in PyTorch. Importing anything of this package imports torch, so only what needs it does so."""

from __future__ import annotations

from offrl_core.torch_needed import torch_missing

try:
    import torch  # noqa: F401
except ImportError as error:
    raise torch_missing("A learned function as a torch module") from error
