"""Settings of the address book."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from wlm.plugins import HOST_ONLY


class BookSettings(BaseModel):
    """Settings of the address book."""

    model_config = ConfigDict(defer_build=True)  # built by who uses it

    carddav_url: str = Field("", description="CardDAV server or address book; empty: none.")
    carddav_sign_in: Literal["password", "google"] = Field(
        "password", description="password, or google: the account of `wlm connect google`."
    )
    carddav_user: str = Field("", description="Login name there.")
    carddav_password: SecretStr | None = Field(None, description="Password, or an app password.")
    carddav_book: str = Field("", description="Which of its address books; empty: the first.")
    ldap_url: str = Field(
        "",
        description="An organisation's directory, ldap://HOST or ldaps://HOST; empty: none.",
        json_schema_extra=HOST_ONLY,
    )
    ldap_base: str = Field(
        "",
        description="Where its people are: ou=people,dc=acme,dc=example.",
        json_schema_extra=HOST_ONLY,
    )
    ldap_user: str = Field(
        "", description="Name (DN) to sign in with; empty: nobody.", json_schema_extra=HOST_ONLY
    )
    ldap_password: SecretStr | None = Field(
        None, description="Password there.", json_schema_extra=HOST_ONLY
    )
    ldap_filter: str = Field(
        "(objectClass=person)", description="Which entries are people.", json_schema_extra=HOST_ONLY
    )
    ldap_starttls: bool = Field(
        True, description="Encrypt ldap:// before anything is sent.", json_schema_extra=HOST_ONLY
    )
    ldap_ca_file: str = Field(
        "", description="Certificates to trust; empty: the system's.", json_schema_extra=HOST_ONLY
    )
    sync_minutes: int = Field(
        60, ge=0, description="Sync before a look if the last time is longer ago; 0: never."
    )
