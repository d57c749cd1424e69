"""The file formats that are known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes:
        name: how Python and links call it.
        title: how people call it.
        suffixes: endings of its files, the usual one first.
        mapped: whether it is a table, whose columns need a mapping: its module has `open_table`, others have `read`.
        writes: whether `to_file` writes it.
        help: one sentence on what it holds.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    mapped: bool
    writes: bool
    help: str

    @property
    def module(self) -> str:
        """The module that reads (and writes) it."""
        return f"offrl_core.formats.{self.name.replace('-', '_')}"


FORMATS: dict[str, Format] = {
    record.name: record
    for record in (
        Format("csv", "CSV", (".csv", ".tsv", ".txt"), True, True, "A text table with a header, one row per decision."),
        Format("parquet", "Parquet", (".parquet", ".pq"), True, True, "A typed table, one row per decision."),
        Format(
            "arrow",
            "Feather / Arrow",
            (".feather", ".arrow", ".arrows", ".ipc"),
            True,
            False,
            "A typed table, one row per decision.",
        ),
        Format(
            "json",
            "JSON",
            (".json", ".jsonl", ".ndjson"),
            True,
            False,
            "Records (also one per line), lists of columns, or RLlib's batches.",
        ),
        Format(
            "spreadsheet",
            "Excel / ODS",
            (".xlsx", ".ods", ".xlsm"),
            True,
            False,
            "The first sheet with a table, one row per decision.",
        ),
        Format("npz", "NPZ", (".npz",), True, True, "NumPy arrays named observations, actions, rewards, …"),
        Format("d4rl", "D4RL HDF5", (".hdf5", ".h5"), True, False, "Flat arrays, with terminals and timeouts."),
        Format("d3rlpy", "d3rlpy HDF5", (".h5", ".hdf5"), False, False, "A dumped ReplayBuffer or MDPDataset."),
        Format("minari", "Minari HDF5", (".hdf5", ".h5", ".zip"), False, True, "main_data.hdf5, or its zipped folder."),
        Format("minari-arrow", "Minari Arrow", (".zip", ".arrow"), False, False, "The dataset's zipped folder."),
    )
}
