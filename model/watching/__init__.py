"""Is what the model says still true? Sequential tests with a known rate of false alarms, and what they are fed with."""
