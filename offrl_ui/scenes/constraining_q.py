"""Page 3 of the lecture: breaking the triad."""

from offrl_ui.scenes.constraining_abar import ABAR
from offrl_ui.scenes.constraining_bcq import BCQ
from offrl_ui.scenes.constraining_cql import CQL
from offrl_ui.scenes.constraining_looking import LOOKING
from offrl_ui.scenes.constraining_stitching import STITCHING

TITLE = "Breaking the triad"
SCENES = (LOOKING, ABAR, BCQ, CQL, STITCHING)
