"""Page 3 of the lecture: breaking the triad."""

from offrl_lecture.constraining_q.scene_abar import ABAR
from offrl_lecture.constraining_q.scene_bcq import BCQ
from offrl_lecture.constraining_q.scene_cql import CQL
from offrl_lecture.constraining_q.scene_looking import LOOKING
from offrl_lecture.constraining_q.scene_stitching import STITCHING

TITLE = "Breaking the triad"
SCENES = (LOOKING, ABAR, BCQ, CQL, STITCHING)
