"""Recorded studies read as statistics: scores that may be compared, and paired differences with their verdicts.

Reports put them into words, tables and figures; `--plan` and `--until-decided` follow from them. The modules beside
this folder know no record.
"""
