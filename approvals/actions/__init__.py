"""One file per kind of change in Azure: validate, describe, apply, undo."""
