"""Runs and studies: study files -> plans -> runs, each in a process of its own; and their records, published."""
