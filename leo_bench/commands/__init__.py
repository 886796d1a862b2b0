"""What the commands of the command line do, a module each; arguments come parsed from cli.py."""
