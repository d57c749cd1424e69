"""Page 1 of the lecture: behaviour cloning with rewards."""

from offrl_ui.scenes.reweighting_advantage import ADVANTAGE
from offrl_ui.scenes.reweighting_cloning import CLONING
from offrl_ui.scenes.reweighting_emrl import EMRL
from offrl_ui.scenes.reweighting_family import FAMILY_TREE
from offrl_ui.scenes.reweighting_functions import WEIGHT_FUNCTION
from offrl_ui.scenes.reweighting_rwr import RWR

TITLE = "Behaviour cloning with rewards"
SCENES = (CLONING, EMRL, WEIGHT_FUNCTION, RWR, ADVANTAGE, FAMILY_TREE)
