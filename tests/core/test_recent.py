"""What is kept within a budget of bytes, and what lives as long as its dataset."""

from __future__ import annotations

import gc
import weakref

import numpy as np

from offrl_core.data import catalogue
from offrl_core.data.catalogue import load_dataset
from offrl_core.dataset import Dataset, forget_kept, kept
from offrl_core.recent import Recent


def test_the_least_recently_used_go_first() -> None:
    gone: list[bytes] = []
    recent: Recent[str, bytes] = Recent(100, len, gone.append)
    for name in "abc":
        recent.of(name, lambda: bytes(40) if name != "a" else bytes(20))  # noqa: B023
    assert (len(recent), recent.nbytes, gone) == (3, 100, [])
    assert recent.of("a", lambda: bytes(1)) == bytes(20)
    recent.of("d", lambda: bytes(40))
    assert gone == [bytes(40)]  # b: a was asked for since
    assert recent.of("a", lambda: bytes(1)) == bytes(20)
    assert recent.nbytes == 100


def test_what_is_larger_than_the_budget_is_kept_alone() -> None:
    recent: Recent[str, bytes] = Recent(100, len)
    recent.of("small", lambda: bytes(10))
    recent.of("large", lambda: bytes(500))
    assert (len(recent), recent.nbytes) == (1, 500)


def test_a_value_in_the_place_of_another_counts_alone() -> None:
    recent: Recent[str, bytes] = Recent(100, len)
    recent.put("a", bytes(60))
    recent.put("b", bytes(30))
    recent.put("a", bytes(20))
    assert (len(recent), recent.nbytes, recent.get("a"), recent.get("c")) == (2, 50, bytes(20), None)
    recent.put("c", bytes(60))
    assert (recent.get("b"), recent.get("a"), recent.nbytes) == (None, bytes(20), 80)  # b was used before a


def test_a_datasets_bytes_are_those_of_its_arrays() -> None:
    vectors = np.zeros((6, 4), np.float32)
    data = Dataset.from_columns(
        vectors, [0, 1] * 3, [0.0] * 6, [False, True] * 3, features={}, next_observations=vectors
    )
    held = [data.observations, data.actions, data.rewards, data.next_observations, data.terminations]
    held += [data.truncations, data.next_known, data.episode_starts]
    assert data.nbytes == sum({id(array): array.nbytes for array in held}.values())
    data.returns_to_go(0.9), data.episode_of_row
    assert data.nbytes == sum({id(array): array.nbytes for array in held}.values())


def test_what_is_kept_of_a_dataset_is_made_once_and_goes_with_it() -> None:
    made = []

    @kept
    def pair(dataset: Dataset) -> list[Dataset]:
        made.append(dataset.name)
        return [dataset]

    data = Dataset.from_columns([0, 1], [0, 1], [0.0, 1.0], [False, True])
    assert pair(data) is pair(data)
    assert len(made) == 1
    forget_kept(data)
    alive = weakref.ref(data)
    gc.disable()  # nothing that goes in a circle is left
    try:
        del data
        assert alive() is None
    finally:
        gc.enable()


def test_links_to_many_large_datasets_hold_no_more_than_the_budget(monkeypatch) -> None:
    from offrl_core.evaluation.member_returns import truth

    budget = 3 * load_dataset("double-crossing", episodes=2000).nbytes
    monkeypatch.setattr(catalogue, "_recent", Recent(budget, lambda dataset: dataset.nbytes, forget_kept))
    seen: list[weakref.ref[Dataset]] = []
    gc.disable()
    try:
        for seed in range(1, 12):
            data = load_dataset("double-crossing", seed=seed, episodes=2000)
            assert truth(data, 0.9) is truth(data, 0.9)
            seen.append(weakref.ref(data))
        del data
        alive = [data for known in seen if (data := known()) is not None]
    finally:
        gc.enable()
    assert 1 <= len(alive) <= 3
    assert sum(data.nbytes for data in alive) <= budget


def test_a_datasets_truths_are_so_many() -> None:
    from offrl_core.evaluation import member_returns

    data = load_dataset("double-crossing")
    forget_kept(data)
    for step in range(60):
        member_returns.truth(data, 0.3 + step / 100)
    assert len(member_returns._truths(data)) == member_returns._KEPT
