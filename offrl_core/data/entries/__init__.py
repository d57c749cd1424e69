"""The catalogue's entries, one file per family."""

from offrl_core.data.entries.digits import DIGITS
from offrl_core.data.entries.grids import (
    BRIDGE,
    CLIFF,
    CUSTOM_GRID,
    DOUBLE_CROSSING,
    FOUR_ROOMS,
    MAZE,
    SINGLE_CROSSING,
    U_MAZE,
)
from offrl_core.data.entries.gym import CONTROL, TABLES
from offrl_core.data.entries.icu import ICU
from offrl_core.data.entries.toys import TOYS

ENTRIES = (
    DOUBLE_CROSSING,
    ICU,
    *TOYS,
    SINGLE_CROSSING,
    FOUR_ROOMS,
    U_MAZE,
    CLIFF,
    BRIDGE,
    CUSTOM_GRID,
    *TABLES,
    MAZE,
    *CONTROL,
    DIGITS,
)
