"""An organisation's directory (LDAP): people who are not in the address book are looked for there.

Read only, and only what stands in the entry of a person. The library (python-ldap, the extra
``wlm-people[ldap]``) is imported when a directory is set up and asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from wlm.errors import BadSetting, ProviderAway, ProviderError
from wlm.plugins import Context
from wlm_people.contact import Contact, Point
from wlm_people.match import NEAR, score
from wlm_people.names import name_words
from wlm_people.settings import BookSettings
from wlm_people.who import MARK

if TYPE_CHECKING:
    from pydantic import SecretStr

_SECONDS = 5.0
_MOST = 25
_WORDS = 4
_ATTRIBUTES = [
    "cn", "displayName", "givenName", "sn", "mail", "telephoneNumber", "mobile", "title", "o",
    "ou", "department", "company", "manager", "street", "postalCode", "l", "co",
]  # fmt: skip
_NAMED_BY = ("cn", "displayName", "givenName", "sn", "uid", "mail")
Attributes = Mapping[str, list[bytes]]


def directory_of(ctx: Context) -> Directory | None:
    """The directory of the settings, if there is one."""
    settings = ctx.settings_as(BookSettings)
    if not settings.ldap_url:
        return None
    return Directory(settings, partial(ctx.provider, "directory"), offline=ctx.offline)


class Directory:
    """One directory server. Each call opens a connection and closes it."""

    def __init__(
        self,
        settings: BookSettings,
        asking: Callable[[], AbstractContextManager[None]],
        *,
        offline: bool = False,
    ) -> None:
        """``asking`` is ``Context.provider`` for this server."""
        self._settings, self._asking = settings, asking
        self._offline = offline

    def find(self, said: Sequence[str]) -> list[Contact]:
        """People who have the folded words in their name, the best first.

        Raises ``ProviderAway`` or ``ProviderError``.
        """
        words = [word for word in said if word][:_WORDS]
        if not words:
            return []
        from ldap.filter import escape_filter_chars

        asked = "".join(_having(escape_filter_chars(word)) for word in words)
        with self._connected() as server:
            rows = server.search(
                self._settings.ldap_base, f"(&{self._settings.ldap_filter}{asked})", _MOST
            )
        people = [person for dn, row in rows if (person := _contact(dn, row))]
        judged = {person.id: score(said, name_words(person.name)) for person in people}
        found = [person for person in people if judged[person.id] >= NEAR]
        return sorted(found, key=lambda person: (-judged[person.id], person.name))

    def get(self, contact_id: str) -> Contact | None:
        """The person of an id that ``find`` gave, with the name of their manager."""
        with self._connected() as server:
            dn = contact_id.removeprefix(MARK)
            row = server.read(dn)
            person = _contact(dn, row) if row else None
            if person is None or row is None:
                return None
            boss = _text(row, "manager")
            above = _contact(boss, server.read(boss) or {}) if boss else None
        return person.having(links=(Point(above.name, "manager"),)) if above else person

    @contextlib.contextmanager
    def _connected(self) -> Iterator[_Server]:
        if self._offline:
            raise ProviderAway("The directory is not asked while WLM is offline.", retryable=False)
        try:
            import ldap  # noqa: F401
        except ImportError:
            raise BadSetting(
                "The library for directories is not installed.",
                hint="`pip install 'wlm-people[ldap]'` (needs libldap-dev and libsasl2-dev).",
            ) from None
        with self._asking():
            yield from self._signed_in()

    def _signed_in(self) -> Iterator[_Server]:
        import ldap

        server = None
        try:
            server = _Server(self._settings)
            yield server
        except (ldap.SERVER_DOWN, ldap.TIMEOUT, ldap.CONNECT_ERROR, ldap.BUSY, ldap.UNAVAILABLE):
            raise ProviderAway("The directory cannot be reached, or gave no answer.") from None
        except (ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH, ldap.STRONG_AUTH_REQUIRED):
            raise ProviderError(
                "The directory refused the sign-in.", hint="Check `wlm skills configure people`."
            ) from None
        except ldap.LDAPError:
            raise ProviderError(
                "The directory refused the request.",
                hint="Check ldap_base and ldap_filter: `wlm skills configure people`.",
            ) from None
        except ValueError:  # an address that is none
            raise BadSetting("Setting 'ldap_url' is no address of a directory.") from None
        finally:
            if server is not None:
                server.close()


class _Server:
    """A connection that is signed in."""

    def __init__(self, settings: BookSettings) -> None:
        import ldap

        url = settings.ldap_url
        self._ldap = ldap
        self._link = ldap.initialize(url, bytes_mode=False)
        for option, value in (
            (ldap.OPT_NETWORK_TIMEOUT, _SECONDS),
            (ldap.OPT_TIMEOUT, _SECONDS),
            (ldap.OPT_REFERRALS, 0),  # another server gets no password of ours
            (ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3),
        ):
            self._link.set_option(option, value)
        self._link.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        if settings.ldap_ca_file:
            self._link.set_option(ldap.OPT_X_TLS_CACERTFILE, settings.ldap_ca_file)
        self._link.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        if url.lower().startswith("ldap://") and settings.ldap_starttls:
            self._link.start_tls_s()
        if settings.ldap_user:
            self._link.simple_bind_s(settings.ldap_user, _secret(settings.ldap_password))

    def search(self, base: str, asked: str, most: int) -> list[tuple[str, Attributes]]:
        """Entries below ``base``; what came before the server's limit, where there is one."""
        ldap = self._ldap
        job = self._link.search_ext(
            base, ldap.SCOPE_SUBTREE, asked, _ATTRIBUTES, timeout=_SECONDS, sizelimit=most
        )
        found: list[tuple[str, Attributes]] = []
        try:
            while True:
                kind, rows, *_ = self._link.result3(job, all=0, timeout=_SECONDS)
                if kind == ldap.RES_SEARCH_RESULT:
                    return found
                found += [(dn, row) for dn, row in rows if dn]
        except ldap.SIZELIMIT_EXCEEDED:
            return found

    def read(self, dn: str) -> Attributes | None:
        """The entry of that name."""
        ldap = self._ldap
        try:
            rows = self._link.search_ext_s(
                dn, ldap.SCOPE_BASE, attrlist=_ATTRIBUTES, timeout=_SECONDS
            )
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            return None
        return next((row for name, row in rows if name), None)

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(self._ldap.LDAPError):
            self._link.unbind_s()


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


def _having(word: str) -> str:
    """A filter for entries that are named by a word, or sound like it."""
    begins = "".join(f"({name}={word}*)" for name in _NAMED_BY)
    inside = "".join(f"({name}=* {word}*)" for name in ("cn", "displayName"))
    alike = "".join(f"({name}~={word})" for name in ("cn", "givenName", "sn"))
    return f"(|{begins}{inside}{alike})"


def _contact(dn: str, row: Attributes) -> Contact | None:
    """A person from an entry; ``None`` if it has no name."""
    name = _text(row, "displayName") or _text(row, "cn")
    if not name or not name_words(name):
        return None
    town = " ".join(filter(None, (_text(row, "postalCode"), _text(row, "l"))))
    address = "\n".join(filter(None, (_text(row, "street"), town, _text(row, "co"))))
    groups = dict.fromkeys([*_texts(row, "ou"), *_texts(row, "department")])
    return Contact(
        f"{MARK}{dn}",
        name,
        given=_text(row, "givenName"),
        family=_text(row, "sn"),
        company=_text(row, "o") or _text(row, "company"),
        role=_text(row, "title"),
        phones=(
            *(Point(number, "work") for number in _texts(row, "telephoneNumber")),
            *(Point(number, "mobile") for number in _texts(row, "mobile")),
        ),
        emails=tuple(Point(mail, "work") for mail in _texts(row, "mail")),
        addresses=(Point(address, "work"),) if address else (),
        groups=tuple(groups),
    )


def _texts(row: Attributes, name: str) -> list[str]:
    """An attribute's values as text; names of attributes have no case."""
    values = next((row[key] for key in row if key.casefold() == name.casefold()), [])
    texts = (" ".join(value.decode("utf-8", "replace").split())[:200] for value in values)
    return [text for text in texts if text]


def _text(row: Attributes, name: str) -> str:
    return next(iter(_texts(row, name)), "")
