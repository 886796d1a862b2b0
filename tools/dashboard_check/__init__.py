"""A check of the dashboard outside `make test`: in Chromium, over results/ (`make check-dashboard`,
docs/dashboard.md)."""
