"""Page 2 of the lecture: Q-learning without exploration."""

from offrl_ui.scenes.triad_baird import BAIRD
from offrl_ui.scenes.triad_loop import LOOP
from offrl_ui.scenes.triad_network import NETWORK
from offrl_ui.scenes.triad_remedies import REMEDIES
from offrl_ui.scenes.triad_switches import SWITCHES
from offrl_ui.scenes.triad_toy import DOUBLING

TITLE = "Q-learning without exploration"
SCENES = (LOOP, DOUBLING, SWITCHES, REMEDIES, BAIRD, NETWORK)
