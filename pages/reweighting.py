"""A page of the lecture: see `offrl_lecture/reweighting`."""

from offrl_ui.lecture.page import lecture_page

lecture_page("reweighting")
