"""The network around a machine: its addresses and the rules that JIT wrote."""

from __future__ import annotations

from defender.records import Addresses, NsgRule

__all__ = ["Addresses", "NsgRule"]
