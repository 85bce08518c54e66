"""Microsoft Entra's token endpoint, as far as a client secret goes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

from sandbox.azure.wire import Json

#: Seconds; what Entra gives.
LIFETIME = 3599


class TokenIssuer:
    """Gives tokens for one tenant and one client, and knows its own again.

    A token is a time, whom it is for, and the MAC of both, so that none has to be kept.
    """

    def __init__(self, tenant_id: str, client_id: str, client_secret: str) -> None:
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.client_secret = client_secret
        self._key = secrets.token_bytes(32)

    def configuration(self, authority: str, tenant: str) -> Json:
        """The OpenID document, which the synchronous client reads first."""
        base = f"{authority}/{tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def grant(self, tenant: str, form: Mapping[str, str]) -> tuple[int, Json]:
        """The status and body that answer a request for a token."""
        if tenant.lower() != self.tenant_id:
            return 400, _refusal("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return 400, _refusal("unsupported_grant_type", 70003, "The grant type is not known.")
        audience, default, _ = form.get("scope", "").partition("/.default")
        if not default:
            return 400, _refusal("invalid_scope", 70011, "The scope is not valid.")
        if form.get("client_id") != self.client_id:
            text = f"Application '{form.get('client_id', '')}' was not found in the directory."
            return 400, _refusal("unauthorized_client", 700016, text)
        if not hmac.compare_digest(form.get("client_secret", ""), self.client_secret):
            return 401, _refusal("invalid_client", 7000215, "Invalid client secret provided.")
        token = self._token(time.time() + LIFETIME, audience)
        return 200, {
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": token,
        }

    def admits(self, authorization: str) -> bool:
        """Whether the header carries a token of ours that has not run out."""
        scheme, _, token = authorization.partition(" ")
        ends_at, _, rest = token.partition(".")
        if scheme.lower() != "bearer" or not ends_at.isdecimal() or len(ends_at) > 12:
            return False
        own = self._sealed(f"{ends_at}.{rest.partition('.')[0]}")
        return hmac.compare_digest(token.encode(), own.encode()) and time.time() < int(ends_at)

    def audience(self, authorization: str) -> str:
        """Whom an admitted token is for, "" where that was not said."""
        return bytes.fromhex(authorization.split(".")[1]).decode()

    def revoke(self) -> None:
        """Every token given so far is refused from now on."""
        self._key = secrets.token_bytes(32)

    def _token(self, ends_at: float, audience: str) -> str:
        return self._sealed(f"{int(ends_at)}.{audience.encode().hex()}")

    def _sealed(self, text: str) -> str:
        return f"{text}.{hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()}"


def _refusal(error: str, code: int, text: str) -> Json:
    return {
        "error": error,
        "error_description": f"AADSTS{code}: {text}",
        "error_codes": [code],
    }
