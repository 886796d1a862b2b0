"""Hyperparameter search with Optuna. Only this package and the dashboard import Optuna.

file.py          a search file in studies/ -> a SearchPlan
description.py   a plan and a choice in words, with the estimated time
resume.py        what a folder already holds, and whether the plan may go on from it
budget.py        trials that a search may still begin, reserved under one lock
space.py         ranges and objectives as Optuna's types
sampler.py       the plan's sampler and pruner
trial_states.py  trial states, which trials use up the budget, and which are queued again
storage.py       connection to the database that the workers share
study.py         the search's study in the database
trials_file.py   trials.json from the database, and the database from trials.json
worker.py        one trial, in a process of its own
runner.py        the trials of a search, several at a time
complete.py      complete trials and their accuracy
analysis.py      tables of the trials; importance.py and ranges.py compute two of them
selection.py     the trials to measure on test, and the study that measures them
preset.py        the best settings as a preset file
stages.py        all of it in order: trials, analysis, selection, measurement on test
"""
