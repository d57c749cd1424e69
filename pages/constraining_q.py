"""A page of the lecture: see `offrl_ui/scenes/constraining_q.py`."""

from offrl_ui.scenes.component import lecture_page

lecture_page("constraining_q")
