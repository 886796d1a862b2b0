"""Soak test: kills at random moments in a small study, whose results must be those of an undisturbed run."""
