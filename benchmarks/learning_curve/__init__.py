"""How good the product is after few leads and after many, beside Aalen-Johansen on the same leads."""
