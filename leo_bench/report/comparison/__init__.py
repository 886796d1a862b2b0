"""Comparison of two studies, or of one study at two versions of the source."""
