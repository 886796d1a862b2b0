"""Commands of the command line, one module for each. parser.py has their arguments, cli.py runs them."""
