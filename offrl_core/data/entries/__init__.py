"""The catalogue's entries, one file per family."""

from offrl_core.data.entries.custom import CUSTOM_GRID
from offrl_core.data.entries.digits import DIGITS
from offrl_core.data.entries.grids import DOUBLE_CROSSING, GRIDS
from offrl_core.data.entries.gym import CONTROL, TABLES
from offrl_core.data.entries.icu import ICU
from offrl_core.data.entries.maze import MAZE
from offrl_core.data.entries.toys import TOYS

ENTRIES = (
    DOUBLE_CROSSING,
    ICU,
    *TOYS,
    *GRIDS[1:],
    CUSTOM_GRID,
    *TABLES,
    MAZE,
    *CONTROL,
    DIGITS,
)
