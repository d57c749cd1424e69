"""A page of the lecture: see `offrl_ui/scenes/deadly_triad.py`."""

from offrl_ui.scenes.component import lecture_page

lecture_page("deadly_triad")
