"""Where a run's data comes from: the catalogue, or a dataset that somebody brought, known by an unguessable token."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from offrl_core.data.catalogue import load_dataset
from offrl_core.dataset import Dataset

UPLOAD = "upload:"
"""Prefix of the name of a dataset that is not in the catalogue."""

MAX_UPLOAD_ROWS = 8_000_000
_lock = Lock()
_brought: OrderedDict[str, Dataset] = OrderedDict()


class UnknownUpload(LookupError):
    """A token that stands for no dataset: it never did, or the dataset was let go."""


def bring(dataset: Dataset, token: str | None = None) -> str:
    """Keep a dataset for runs; returns its name, `upload:` and a token. The least used ones go when many are kept."""
    name = UPLOAD + (token or secrets.token_urlsafe(16))
    with _lock:
        _brought[name] = dataset
        while len(_brought) > 1 and sum(map(len, _brought.values())) > MAX_UPLOAD_ROWS:
            _brought.popitem(last=False)
    return name


def find(name: str, options: Mapping[str, Any]) -> Dataset:
    """The dataset of this name: one that was brought, or the catalogue's with these options.

    Raises:
        UnknownUpload: the token is not known.
        HyperparameterError: the catalogue has no such dataset or option.
    """
    if not name.startswith(UPLOAD):
        return load_dataset(name, **options)
    with _lock:
        if name not in _brought:
            raise UnknownUpload("this uploaded dataset is no longer kept here: please upload it again")
        _brought.move_to_end(name)
        return _brought[name]
