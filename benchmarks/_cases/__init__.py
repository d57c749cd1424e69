"""Workers of the comparisons: each runs in a process of its own and answers one JSON line per turn."""
