"""What different ways of choosing whom to call cost, when salespeople cannot call everybody."""
