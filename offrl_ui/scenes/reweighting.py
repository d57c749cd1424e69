"""Page 1 of the lecture: behaviour cloning with rewards."""

from offrl_ui.scenes.reweighting_advantage import ADVANTAGE, FAMILY_TREE
from offrl_ui.scenes.reweighting_cloning import CLONING, EMRL
from offrl_ui.scenes.reweighting_functions import RWR, WEIGHT_FUNCTION

TITLE = "Behaviour cloning with rewards"
SCENES = (CLONING, EMRL, WEIGHT_FUNCTION, RWR, ADVANTAGE, FAMILY_TREE)
