"""Running: study files -> plans -> runs, each in its own process; publishing and reproduction of their records."""
