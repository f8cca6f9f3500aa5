"""The mathematics: from features to a purchase curve, a window, a decision, and measurement."""
