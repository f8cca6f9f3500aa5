"""The backtest: the past day by day, as if leadtime had been there."""
