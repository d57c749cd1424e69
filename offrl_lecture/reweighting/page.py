"""Page 1 of the lecture: behaviour cloning with rewards."""

from offrl_lecture.reweighting.scene_advantage import ADVANTAGE
from offrl_lecture.reweighting.scene_cloning import CLONING
from offrl_lecture.reweighting.scene_emrl import EMRL
from offrl_lecture.reweighting.scene_expectile import EXPECTILE
from offrl_lecture.reweighting.scene_family import FAMILY_TREE
from offrl_lecture.reweighting.scene_functions import WEIGHT_FUNCTION
from offrl_lecture.reweighting.scene_mpo import MPO
from offrl_lecture.reweighting.scene_rwr import RWR
from offrl_lecture.reweighting.scene_side_by_side import SIDE_BY_SIDE

TITLE = "Behaviour cloning with rewards"
SCENES = (CLONING, EMRL, WEIGHT_FUNCTION, RWR, ADVANTAGE, FAMILY_TREE, SIDE_BY_SIDE, EXPECTILE, MPO)
