"""The settings of the news."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wlm.plugins import HOST_ONLY

DEFAULT_FEEDS = {
    "BBC News": "https://feeds.bbci.co.uk/news/rss.xml",
    "The Guardian": "https://www.theguardian.com/international/rss",
    "NPR": "https://feeds.npr.org/1001/rss.xml",
    "Deutsche Welle": "https://rss.dw.com/rdf/rss-en-all",
    "Al Jazeera": "https://www.aljazeera.com/xml/rss/all.xml",
    "Ars Technica": "https://feeds.arstechnica.com/arstechnica/index",
}


class NewsSettings(BaseModel):
    """Settings of the news."""

    model_config = ConfigDict(defer_build=True)  # built by who uses it

    feeds: dict[str, str] = Field(
        DEFAULT_FEEDS,
        description="Feeds (RSS, Atom, JSON Feed) by name; as text: NAME=URL; NAME=URL.",
    )
    heard: int = Field(3, ge=1, le=10, description="How many headlines are spoken.")
    shown: int = Field(10, ge=1, le=50, description="How many headlines are shown.")
    summaries: bool = Field(
        True,
        description="Let the language model that WLM is set to, if it is, sum up the headlines.",
    )
    allow_private: bool = Field(
        False,
        description="Also read feeds on this machine or in the local network.",
        json_schema_extra=HOST_ONLY,
    )

    @field_validator("feeds", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """Feeds as they come from the environment: NAME=URL; NAME=URL, or JSON."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("{"):
            return json.loads(value)
        pairs = (part.partition("=") for part in value.split(";") if part.strip())
        return {name.strip(): url.strip() for name, _, url in pairs}

    @field_validator("feeds")
    @classmethod
    def _web_addresses(cls, value: dict[str, str]) -> dict[str, str]:
        for name, url in value.items():
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"the address of {name!r} does not begin with https://")
        return value
