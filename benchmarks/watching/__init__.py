"""How soon a change of the market is noticed, beside the earliest that the data allow."""
