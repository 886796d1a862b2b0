"""Programs that make calls besides the package: set-up, tables for the docs, and checks of the pages."""
