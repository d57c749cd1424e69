"""`Restated`: a built-in system whose loss is written again in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from offrl_core.algos.base import Algorithm, Head
from offrl_core.declarations import Value
from offrl_core.in_torch.algorithm import TorchAlgorithm


class Restated(TorchAlgorithm):
    """A restatement: what is declared, and which networks there are, is the built-in system's; the losses are its own.

    Args (of the subclass):
        of: the built-in system.
    """

    of: ClassVar[type[Algorithm]]

    def __init_subclass__(cls, of: type[Algorithm], **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.of = of
        for name in ("name", "title", "group", "summary", "hyperparameters", "defaults", "table_learning_rate"):
            setattr(cls, name, getattr(of, name))

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        return self.of().equation_for(choices)

    def networks_for(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return self.of().heads(choices)

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        return self.of().columns(choices)

    def uses_counts(self, choices: Mapping[str, Value]) -> bool:
        return self.of().uses_counts(choices)

    def memory(self, choices: Mapping[str, Value]) -> dict[str, float | str]:
        return self.of().memory(choices)
