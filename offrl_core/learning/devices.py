"""Where the networks of a learner are: in numpy's arrays, or in PyTorch on a device.

PyTorch is not asked before it is needed, because importing it takes seconds and a quarter of a gigabyte: which devices
there may be is told by what their drivers leave in the system.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from offrl_core.declarations import HyperparameterError
from offrl_core.learning.networks import Networks, NumpyNetworks
from offrl_core.names import did_you_mean
from offrl_core.torch_needed import torch_missing

DEVICES = {
    "cpu": "the processor, by numpy",
    "cuda": "a graphics processor of NVIDIA or AMD, by PyTorch",
    "mps": "the graphics processor of a Mac, by PyTorch",
    "torch-cpu": "the processor, by PyTorch: the way of the others without one, for comparing; it is no faster",
}
"""Device → what it is."""

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "C:/Windows/System32/nvcuda.dll")


def devices() -> tuple[str, ...]:
    """The devices that this computer seems to have, `cpu` first."""
    found = ["cpu"]
    if find_spec("torch") is not None:
        if any(Path(driver).exists() for driver in _DRIVERS):
            found.append("cuda")
        if sys.platform == "darwin" and platform.machine() == "arm64":
            found.append("mps")
    return tuple(found)


def check_device(device: object) -> str:
    """The device, if this computer has it.

    Raises:
        HyperparameterError: there is no such device, or not here.
        ImportError: it needs PyTorch, which is not installed.
    """
    if not isinstance(device, str) or device not in DEVICES:
        raise HyperparameterError(
            f"device = {device!r} is not allowed{did_you_mean(device, DEVICES)}: it must be one of {', '.join(DEVICES)}"
        )
    if device == "cpu":
        return device
    try:
        import torch
    except ImportError as error:
        raise torch_missing(f"device = {device!r}") from error
    if (device == "cuda" and not torch.cuda.is_available()) or (
        device == "mps" and not torch.backends.mps.is_available()
    ):
        raise HyperparameterError(f"device = {device!r} is not allowed here: {NONE_HERE[device]}; 'cpu' always works")
    return device


NONE_HERE = {
    "cuda": "this computer has no GPU that PyTorch can use",
    "mps": "this computer is no Mac with a GPU that PyTorch can use",
}
"""Device → why a computer may not have it, in words."""


def networks_on(device: str) -> Callable[..., Networks]:
    """What makes networks on a device that `check_device` has let pass; it takes what `Networks` takes."""
    if device == "cpu":
        return NumpyNetworks
    from offrl_core.learning.in_torch.networks import TorchNetworks

    return partial(TorchNetworks, device="cpu" if device == "torch-cpu" else device)
