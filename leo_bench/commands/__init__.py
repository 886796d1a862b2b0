"""Commands of the command line, one module for each. cli.py parses their arguments."""
