"""Azure on loopback: Resource Manager and its token endpoint, over https."""

from sandbox.azure.exchange import Exchange
from sandbox.azure.faults import Fault, Faults
from sandbox.azure.service import OpenPort, SandboxAzure

__all__ = ["Exchange", "Fault", "Faults", "OpenPort", "SandboxAzure"]
