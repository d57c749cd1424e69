"""Page 2 of the lecture: Q-learning without exploration."""

from offrl_lecture.deadly_triad.scene_baird import BAIRD
from offrl_lecture.deadly_triad.scene_loop import LOOP
from offrl_lecture.deadly_triad.scene_network import NETWORK
from offrl_lecture.deadly_triad.scene_remedies import REMEDIES
from offrl_lecture.deadly_triad.scene_switches import SWITCHES
from offrl_lecture.deadly_triad.scene_toy import DOUBLING

TITLE = "Q-learning without exploration"
SCENES = (LOOP, DOUBLING, SWITCHES, REMEDIES, BAIRD, NETWORK)
