"""Statements of the source document, judged by the runs of one or several studies."""
