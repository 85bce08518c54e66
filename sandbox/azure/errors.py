"""Azure's refusals, in Resource Manager's own shape, codes and words."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.azure.wire import Json


@dataclass(frozen=True, slots=True)
class ArmError(Exception):
    """An answer that is a refusal; raised by what handles a request."""

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    #: What stands in the error beside code and message.
    more: Json = field(default_factory=dict)

    def body(self) -> Json:
        """The CloudError."""
        return {"error": {"code": self.code, "message": self.message, **self.more}}


def invalid_token() -> ArmError:
    """No token, or one that this server did not give."""
    return ArmError(
        401,
        "InvalidAuthenticationToken",
        "The access token is invalid.",
        {"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def not_authorized(client_id: str, action: str, scope: str) -> ArmError:
    """The identity lacks a right."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{client_id}' with object id '{client_id}' does not have authorization to "
        f"perform action '{action}' over scope '{scope}' or the scope is invalid. If access was "
        "recently granted, please refresh your credentials.",
    )


def linked_not_authorized(action: str, scope: str, linked: str) -> ArmError:
    """An id in the body is malformed or belongs to a subscription we can't see."""
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"The client has permission to perform action '{action}' on scope '{scope}', however the "
        f"linked subscription '{linked}' was not found.",
    )


def no_api_version() -> ArmError:
    """The query lacks `api-version`."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def unknown_api_version(kind: str, asked: str, known: str) -> ArmError:
    """A version that the provider doesn't serve."""
    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for API version '{asked}' for type '{kind}'. "
        f"The supported api-versions are '{known}'.",
    )


def unknown_subscription(subscription_id: str) -> ArmError:
    """No such subscription, or not one of ours."""
    return ArmError(
        404, "SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found."
    )


def unknown_group(group: str) -> ArmError:
    """No such resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def unknown_resource(kind: str, name: str, group: str) -> ArmError:
    """No such resource in that group."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def unknown_route(path: str) -> ArmError:
    """The sandbox serves what Sekisho uses; anything else is said, not guessed."""
    return ArmError(404, "InvalidResourceType", f"The resource type of '{path}' is not known.")


def unreadable(detail: str) -> ArmError:
    """The body is no JSON, or not of the shape."""
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{detail}'.",
    )


def invalid_initiate(message: str) -> ArmError:
    """A JIT request that contradicts itself."""
    return ArmError(400, "InvalidInitiateInput", message)


def unknown_policy(name: str) -> ArmError:
    """No JIT policy of that name in the group and region."""
    return ArmError(404, "PolicyNotFound", f"The policy '{name}' was not found.")


def not_a_subset(policy_id: str) -> ArmError:
    """What is asked for lies outside the JIT policy; the text is Azure's, its code not known."""
    return invalid_initiate(
        f"The given access request is not a subset of policy '{policy_id}'. Please make sure that "
        "the access request is within the allowed policy properties."
    )


def internal_error() -> ArmError:
    """How Azure answers a malformed JIT policy."""
    return ArmError(500, "InternalServerError", "Internal server error has occurred.")


def locked(scope: str, operation: str, lock_scope: str) -> ArmError:
    """A lock forbids the change."""
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {operation} operation because following scope(s) are "
        f"locked: '{lock_scope}'. Please remove the lock and try again.",
    )


def throttled(subscription_id: str, kind: str, client_id: str, seconds: int) -> ArmError:
    """Resource Manager's own 429."""
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of '{kind}' requests for subscription '{subscription_id}' actor '{client_id}' "
        f"exceeded. Please try again after '{seconds}' seconds.",
        {"Retry-After": str(seconds)},
    )
