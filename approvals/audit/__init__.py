"""The audit log from outside: verify, search, export, archive, anchor, resume."""
