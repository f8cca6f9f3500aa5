"""Looking for parameters of the estimator that predict better than its defaults."""
