"""Hyperparameter search: the documented ranges, searched with Optuna. Only this package and the dashboard know Optuna.

file.py      a search file in studies/ -> a SearchPlan
space.py     a plan's ranges and sampler, as Optuna has them
database.py  the database of a search, and what trials.json shows of it
trial.py     one trial, a process of its own
run.py       trials done or resumed, JOBS at a time
analysis.py  what the trials say, as tables
best.py      the best settings against the defaults, on test with fresh seeds; and as a preset
"""
