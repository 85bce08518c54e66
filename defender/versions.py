"""The API versions that our own reads ask for; each answer's shape was checked against them."""

from __future__ import annotations

SUBSCRIPTIONS_VERSION = {"api-version": "2022-12-01"}
COMPUTE_VERSION = {"api-version": "2024-07-01"}
NETWORK_VERSION = {"api-version": "2024-05-01"}
#: The only one that ever was stable, and the one azure-mgmt-security writes by.
JIT_VERSION = {"api-version": "2020-01-01"}
PERMISSIONS_VERSION = {"api-version": "2022-04-01"}
ALERTS_VERSION = {"api-version": "2022-01-01"}
LOCATIONS_VERSION = {"api-version": "2015-06-01-preview"}
RESOURCE_GRAPH_VERSION = {"api-version": "2021-03-01"}
#: The only one that ever was.
ACTIVITY_LOG_VERSION = {"api-version": "2015-04-01"}
