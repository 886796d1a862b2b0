"""Figures of a search: its trials, its parameters, their importance."""
