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


def likely_device(device: object) -> str:
    """The device, if this computer seems to have it; PyTorch is not asked.

    Raises:
        HyperparameterError: there is no such device, or not here.
    """
    if not isinstance(device, str) or device not in DEVICES:
        raise HyperparameterError(
            f"device = {device!r} is not allowed{did_you_mean(device, DEVICES)}: it must be one of {', '.join(DEVICES)}"
        )
    if device in _NONE_HERE and device not in devices():
        raise _none_here(device)
    return device


def check_device(device: object) -> str:
    """The device, if this computer has it; only a device of PyTorch loads it.

    Raises:
        HyperparameterError: there is no such device, or not here.
        ImportError: it needs PyTorch, which is not installed.
    """
    device = likely_device(device)
    if device == "cpu":
        return device
    try:
        import torch
    except ImportError as error:
        raise torch_missing(f"device = {device!r}") from error
    if (device == "cuda" and not torch.cuda.is_available()) or (
        device == "mps" and not torch.backends.mps.is_available()
    ):
        raise _none_here(device)
    return device


_NONE_HERE = {
    "cuda": "this computer has no GPU that PyTorch can use",
    "mps": "this computer is no Mac with a GPU that PyTorch can use",
}


def _none_here(device: str) -> HyperparameterError:
    return HyperparameterError(f"device = {device!r} is not allowed here: {_NONE_HERE[device]}")


def networks_on(device: str) -> Callable[..., Networks]:
    """What makes networks on a device that `check_device` has let pass; it takes what `Networks` takes."""
    if device == "cpu":
        return NumpyNetworks
    from offrl_core.learning.in_torch.networks import TorchNetworks

    return partial(TorchNetworks, device="cpu" if device == "torch-cpu" else device)
