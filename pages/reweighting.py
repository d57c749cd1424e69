"""Part 1 of the lecture: behaviour cloning with rewards."""

from offrl_ui.lecture.page import lecture_page

lecture_page("reweighting")
