"""Check of the dashboard in Chromium, outside `make test` (`make check-dashboard`, docs/dashboard.md)."""
