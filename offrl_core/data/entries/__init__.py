"""The catalogue's entries, one file per family."""

from offrl_core.data.entries.grids import GRIDS
from offrl_core.data.entries.icu import ICU

ENTRIES = (*GRIDS, ICU)
