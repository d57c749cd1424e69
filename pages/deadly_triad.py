"""A page of the lecture: see `offrl_ui/scenes/deadly_triad.py`."""

from offrl_ui.scenes.component import lecture_page
from offrl_ui.stage import asset_root

lecture_page("deadly_triad", asset_root())
