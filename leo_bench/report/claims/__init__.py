"""Report of a study that judges statements of the source document."""
