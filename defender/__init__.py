"""The Azure gateway: one module per capability of Defender for Servers.

Importing this package or any of its modules loads no Azure SDK: those cost 60 MB and 0.7 s and
are imported by `defender.clients.AzureClients.warm` in a thread, or on first use.
"""
