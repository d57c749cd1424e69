"""What the stage can show of a world."""

MODES = ("q", "v", "policy", "data", "weights", "advantage", "truth", "error", "ghost")
