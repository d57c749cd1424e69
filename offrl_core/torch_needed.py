"""What is said where PyTorch is needed and not installed."""

from __future__ import annotations


def torch_missing(what: str) -> ImportError:
    """The error to raise from a failed `import torch`, so that all say the same.

    Args:
        what: what needs it, in the singular, as the beginning of a sentence: `An algorithm of one's own in torch`.
    """
    return ImportError(
        f"{what} needs PyTorch, which is not installed (pip install torch); everything else works without it",
        name="torch",
    )
