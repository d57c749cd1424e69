"""A module as a file that needs nothing of this program: `torch.export` (.pt2) and ONNX."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def pt2(module: nn.Module, example: Tensor, about: Mapping[str, Any]) -> bytes:
    """The bytes of `torch.export.save`, with `about` as the extra file `about.json`."""
    file = io.BytesIO()
    torch.export.save(_exported(module, example), file, extra_files={"about.json": json.dumps(about)})
    return file.getvalue()


def onnx(module: nn.Module, example: Tensor, about: Mapping[str, Any]) -> bytes:
    """The bytes of an ONNX model with input `states` and the module's outputs by name; `about` is its metadata."""
    names = list(module(example))
    with _quiet():
        program = torch.onnx.export(_exported(module, example), dynamo=True, output_names=names, verbose=False)
    assert program is not None
    proto: Any = program.model_proto
    for name, value in about.items():
        proto.metadata_props.add(key=name, value=value if isinstance(value, str) else json.dumps(value))
    return bytes(proto.SerializeToString())


WRITERS: dict[str, Callable[[nn.Module, Tensor, Mapping[str, Any]], bytes]] = {"pt2": pt2, "onnx": onnx}


def _exported(module: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    """The module's operations for any number of states."""
    states = torch.export.Dim("states", min=1)
    with torch.no_grad(), _quiet():
        return torch.export.export(module, (example,), dynamic_shapes={"states": {0: states}})


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on packages that it does not need."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
