"""How often the gate refuses what is as good, lets in what is worse, and whether many small steps down add up."""
