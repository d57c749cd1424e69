"""The text of a loss in torch under the choices of the moment: read from its restatement, never run.

Each `if hp.choice == …` that the choices decide is replaced by the branch that it takes, methods become functions, and
the axis of the members is left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from offrl_core.algos.base import Algorithm
from offrl_core.declarations import Value

_FOLDER = Path(__file__).resolve().parent.parent / "in_torch" / "restated"
_SHARED = ("targets", "weights")
"""Files whose functions several restatements call."""


def is_restated(kind: type[Algorithm]) -> bool:
    """Whether there is a restatement of a system's loss: of those that come with the program."""
    package, _, file = kind.__module__.rpartition(".")
    return package == "offrl_core.algos" and (_FOLDER / f"{file}.py").exists()


def loss_text(
    kind: type[Algorithm],
    choices: Mapping[str, Value],
    *,
    functions: tuple[str, ...] = ("loss",),
    all_known: bool = True,
) -> str:
    """The system's loss as functions of `rows` and `hp`, with everything that they call.

    Args:
        kind: a system that comes with the program.
        choices: what is decided; a choice that is not named stays an `if` in the text.
        functions: where to begin: `loss`, and `curvature` for a table's plain step.
        all_known: whether every row has a bootstrap target, so that all means are over all rows.

    Raises:
        ValueError: there is no restatement of the system.
    """
    if not is_restated(kind):
        raise ValueError(f"a script in PyTorch is made of this program's algorithms only, and {kind.name} is another")
    known = _functions(kind.__module__.rpartition(".")[2])
    found: dict[str, str] = {}
    waiting = list(functions)
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        text = _simplified(known[name].under(choices), choices, all_known)
        found[name] = text
        waiting += [called for called in re.findall(r"(?<![.\w])(\w+)\(", text) if called in known]
    return "\n\n\n".join(found.values()) + "\n"


@dataclass(frozen=True)
class _Function:
    """A function or method in a file: its node and the file's lines."""

    node: ast.FunctionDef
    lines: list[str] = field(repr=False)

    def under(self, choices: Mapping[str, Value]) -> str:
        """Its text with the branches that the choices take."""
        head = f"def {self.node.name}({', '.join(a.arg for a in self.node.args.args if a.arg != 'self')}):"
        body = "\n".join(self._block(self.node.body, self.node.body[0].lineno - 1, choices, 4))
        return head + "\n" + body.strip("\n")

    def _block(self, body: list[ast.stmt], after: int, choices: Mapping[str, Value], indent: int) -> Iterator[str]:
        """The lines of statements at a depth of indentation, with the comments before each; `after` is the last line
        above them."""
        for statement in body:
            shift = indent - statement.col_offset
            yield from self._moved(after + 1, statement.lineno - 1, shift)  # comments and blank lines
            taken = _decided(statement, choices)
            if taken is not None:
                if taken:
                    yield from self._block(taken, taken[0].lineno - 1, choices, indent)
            elif isinstance(statement, ast.If | ast.For):
                yield from self._compound(statement, choices, indent)
            else:
                yield from self._moved(statement.lineno, statement.end_lineno or statement.lineno, shift)
            after = statement.end_lineno or statement.lineno

    def _compound(self, statement: ast.If | ast.For, choices: Mapping[str, Value], indent: int) -> Iterator[str]:
        """A statement with a body, which stays."""
        above = statement.body[0].lineno - 1
        yield from self._moved(statement.lineno, above, indent - statement.col_offset)
        yield from self._block(statement.body, above, choices, indent + 4)
        rest = statement.orelse
        if not rest:
            return
        if isinstance(rest[0], ast.If) and self.lines[rest[0].lineno - 1].lstrip().startswith("elif"):
            taken = _decided(rest[0], choices)
            if taken is None:
                yield from self._compound(rest[0], choices, indent)
                return
            rest = taken
        if rest:
            yield " " * indent + "else:"
            yield from self._block(rest, rest[0].lineno - 1, choices, indent + 4)

    def _moved(self, first: int, last: int, shift: int) -> Iterator[str]:
        for line in self.lines[first - 1 : last]:
            yield line if not line.strip() else " " * shift + line if shift >= 0 else line[-shift:]


def _decided(statement: ast.stmt, choices: Mapping[str, Value]) -> list[ast.stmt] | None:
    """The branch that the choices take: its statements, maybe none; None where they do not decide."""
    if not isinstance(statement, ast.If):
        return None
    match statement.test:
        case ast.Compare(
            left=ast.Attribute(value=ast.Name(id="hp"), attr=name),
            ops=[ast.Eq() | ast.NotEq() as how],
            comparators=[ast.Constant(value=value)],
        ) if name in choices:
            equal = choices[name] == value
            return statement.body if equal == isinstance(how, ast.Eq) else statement.orelse
    return None


def _simplified(text: str, choices: Mapping[str, Value], all_known: bool) -> str:
    text = re.sub(r"^( +\w+): Tensor = ", r"\1 = ", text.replace("self.", ""), flags=re.M)
    text = re.sub(r"\bhp\.(\w+)\[\.\.\., None\]", r"hp.\1", text)
    if all_known:
        text = text.replace(", where=rows.has_target", "").replace("rows.shares(rows.has_target)", "rows.shares()")
        text = re.sub(r"torch\.where\(rows\.has_target, (.+), 0\)$", r"\1", text, flags=re.M)
        text = re.sub(r"^ +# Of a row without a target.*\n", "", text, flags=re.M)
        text = re.sub(r"(?<!:\n)^ +(\w+) = \1\n", "", text, flags=re.M)
    if choices.get("target_update") == "none":
        text = re.sub(r"\brows\.target_(\w+)", r"rows.\1.detach()", text).replace(".detach().detach()", ".detach()")
    return text


@cache
def _functions(file: str) -> Mapping[str, _Function]:
    """The functions that a restatement's file and the shared ones define, by name: methods and module functions."""
    found: dict[str, _Function] = {}
    for name in (file, *_SHARED):
        text = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, _Function(node, text.splitlines()))
    return found
