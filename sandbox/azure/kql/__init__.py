"""A small Kusto: enough of the language to answer queries by what they mean, refuse the rest."""

from sandbox.azure.kql.errors import KqlError
from sandbox.azure.kql.run import Result, Table, run

__all__ = ["KqlError", "Result", "Table", "run"]
