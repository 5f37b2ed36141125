"""The user's own feeds, and searches under a name."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, String, Table, Text

metadata = MetaData()

feeds = Table(
    "news_feeds",
    metadata,
    Column("owner", String(255), primary_key=True),
    # What it is called, and the same folded, which is unique.
    Column("key", String(200), primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    # The folder that it lay in where it was imported from; may be empty.
    Column("folder", Text, nullable=False),
)

searches = Table(
    "news_searches",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("name", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("source", Text, nullable=False),
)
