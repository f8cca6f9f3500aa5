"""How long the simulator takes and how much memory it needs, from a few leads to a million."""
