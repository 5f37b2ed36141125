"""Who may do what: one table of roles and scopes. What is not in it is denied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from wlm.errors import NotAllowed, UsageError

Role = Literal["admin", "user", "guest"]
"""``user`` has everything of their own; ``guest`` may ask and look, and changes no settings."""

SCOPES: Mapping[str, str] = {
    "ask": "Ask for something and get it done, typed or spoken.",
    "transcribe": "Have recordings written down.",
    "route": "See where a request would go; nothing runs.",
    "events:read": "See one's events.",
    "events:write": "Confirm, answer, cancel and retry one's events.",
    "history:read": "See what one said and what was answered.",
    "history:write": "Forget what one said.",
    "skills:read": "See the installed skills.",
    "skills:write": "Change one's own settings of the skills.",
    "shares:read": "See which accounts are shared with one, and by one.",
    "shares:write": "Share one's accounts of the skills, and work with those of others.",
    "schedules:read": "See one's schedules.",
    "schedules:write": "Change one's schedules.",
    "sessions:read": "See one's sign-ins.",
    "sessions:write": "End one's sign-ins.",
    "keys:read": "See one's API keys.",
    "keys:write": "Make and revoke one's API keys.",
    "me:read": "Export one's data.",
    "me:write": "Erase one's data.",
    "metrics:read": "Read the gateway's metrics.",
    "admin:users": "Manage the users of this gateway.",
    "admin:audit": "Read the audit log.",
}
"""Every scope that a route may ask for and a key may carry, and what it stands for."""

_ADMIN = frozenset({"metrics:read", "admin:users", "admin:audit"})
_GUEST = frozenset({"ask", "transcribe", "route", "events:read", "events:write", "history:read"})

POLICY: Mapping[Role, frozenset[str]] = {
    "admin": frozenset(SCOPES),
    "user": frozenset(SCOPES) - _ADMIN,
    "guest": _GUEST | {"skills:read", "sessions:read", "sessions:write"},
}
"""The scopes that each role can have at most."""


KEY_DEFAULT = frozenset(
    {
        "ask", "transcribe", "route", "events:read", "events:write", "history:read",
        "skills:read", "schedules:read", "schedules:write",
    }
)  # fmt: skip
"""What an API key may do that was made without saying what: everyday use."""


def allowed(role: Role, wanted: Iterable[str] | None = None) -> frozenset[str]:
    """The scopes of a role, narrowed to ``wanted`` where that is given (a key's own)."""
    most = POLICY[role]
    return most if wanted is None else most & frozenset(wanted)


def key_scopes(names: Iterable[str] | None, most: frozenset[str]) -> frozenset[str]:
    """The scopes of a new key that is made by somebody who may do ``most``.

    ``None``: everyday use. Raises ``UsageError`` for a scope that there is not, ``NotAllowed``
    for one that the maker does not have.
    """
    if names is None:
        return KEY_DEFAULT & most
    asked = frozenset(names)
    if unknown := sorted(asked - set(SCOPES)):
        raise UsageError(
            f"There is no scope {unknown[0][:40]!r}.", hint=f"Scopes: {', '.join(SCOPES)}."
        )
    if more := sorted(asked - most):
        raise NotAllowed(f"A key may do no more than who makes it; {more[0]!r} is more.", hint="")
    return asked


def is_role(name: str) -> bool:
    """Whether there is such a role."""
    return name in get_args(Role)
