"""When to call, rule by rule, replayed over several simulated worlds and on real histories."""
