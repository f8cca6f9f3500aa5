"""How fast MLflow's pages open on a year of nightly trainings."""
