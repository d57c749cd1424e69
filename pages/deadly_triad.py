"""A page of the lecture: see `offrl_lecture/deadly_triad`."""

from offrl_ui.lecture.page import lecture_page

lecture_page("deadly_triad")
