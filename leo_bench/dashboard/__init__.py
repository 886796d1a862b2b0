"""The dashboard: optuna-dashboard on the searches and studies in results/.

content.py           a study with its trials as the dashboard shows it, and what searches and studies share of it
search.py            a search's folder -> ShownStudy
study.py             a study's folder -> ShownStudy
optuna_database.py   ShownStudy -> a temporary Optuna database, updated in place
follow.py            looks at the files again and again, and updates the database
server.py            HTTP: optuna-dashboard on that database, and the reports
"""
