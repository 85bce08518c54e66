"""Requests, policy and the audit ledger: the reason this product exists."""
