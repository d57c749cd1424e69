"""A page of the lecture: see `offrl_lecture/constraining_q`."""

from offrl_ui.lecture.page import lecture_page

lecture_page("constraining_q")
