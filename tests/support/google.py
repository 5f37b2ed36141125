"""An issuer with Google's dialect of the device flow, for what a real program never says.

``verification_url``; ``authorization_pending`` as 428, ``slow_down`` and ``access_denied`` as
403, a used-up quota as ``error_code``; ID tokens whose issuer has no scheme.
"""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

URL = "https://accounts.google.com"
_OAUTH = "https://oauth2.googleapis.com"


class Google:
    """Answers in the place of the network: ``httpx.MockTransport(google)``.

    ``script`` is what polling says, one after the other: an error, or claims to put into the
    ID token.
    """

    def __init__(self, *script: str | dict[str, Any]) -> None:
        self.script = list(script)
        self.forms: list[dict[str, str]] = []
        self.quota = False
        self._key = RSAKey.generate_key(2048, {"kid": "g1", "use": "sig", "alg": "RS256"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """What Google would say."""
        match str(request.url):
            case "https://accounts.google.com/.well-known/openid-configuration":
                return _json(
                    {
                        "issuer": URL,
                        "authorization_endpoint": f"{URL}/o/oauth2/v2/auth",
                        "device_authorization_endpoint": f"{_OAUTH}/device/code",
                        "token_endpoint": f"{_OAUTH}/token",
                        "jwks_uri": f"{_OAUTH}/certs",
                    }
                )
            case "https://oauth2.googleapis.com/certs":
                return _json({"keys": [self._key.as_dict(private=False)]})
            case "https://oauth2.googleapis.com/device/code":
                if self.quota:
                    return _json({"error_code": "rate_limit_exceeded"}, 403)
                return _json(
                    {
                        "device_code": "device-code-of-google",
                        "user_code": "GQVQ-JKEC",
                        "verification_url": "https://www.google.com/device",
                        "expires_in": 1800,
                        "interval": 5,
                    }
                )
            case "https://oauth2.googleapis.com/token":
                self.forms.append(dict(httpx.QueryParams(request.content.decode())))
                return self._polled()
        return httpx.Response(404)

    def _polled(self) -> httpx.Response:
        said = self.script.pop(0)
        if isinstance(said, dict):
            return _json({"access_token": "x", "id_token": self.token(**said)})
        status = {"authorization_pending": 428, "slow_down": 403, "access_denied": 403}
        return _json({"error": said}, status.get(said, 400))

    def token(self, **claims: Any) -> str:
        """An ID token as Google writes them, with ``claims`` over the usual ones."""
        now = int(time.time())
        usual = {
            "iss": "accounts.google.com",
            "aud": "client",
            "azp": "client",
            "sub": "1122",
            "iat": now,
            "exp": now + 3600,
        }
        return jwt.encode({"alg": "RS256", "kid": "g1"}, {**usual, **claims}, self._key)


def _json(body: dict[str, Any], status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body))
