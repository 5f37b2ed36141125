"""The address book's tables. Ids are ours; every row has its owner.

``people_word`` and ``people_name`` are the search index: which words sound or are spelt
like what was said, and whom each word names. Both are made from the other two tables.
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, MetaData, String, Table, Text

from wlm.plugins.sync.remotes import tables

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

contacts = Table(
    "people_contact",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    # The card's UID where it was imported, else the id: what a second import goes by.
    Column("uid", String(300), nullable=False),
    Column("name", Text, nullable=False),
    Column("given", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("company", Text, nullable=False),
    Column("role", Text, nullable=False),
    # ISO 8601: 1990-03-31, or --03-31 where the year is not known.
    Column("birthday", String(10), nullable=False),
    Column("notes", Text, nullable=False),
    # The name without case, accents and punctuation, and how all of it sounds.
    Column("folded", Text, nullable=False),
    Column("sound", Text, nullable=False),
    Column("used", Integer, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Index(None, "owner", "uid"),
    Index(None, "owner", "folded"),
    Index(None, "owner", "sound"),
    Index(None, "owner", "used"),
    # The names index gives ids: without this, SQLite walks through every row of the owner.
    Index(None, "owner", "id", "used"),
)

details = Table(
    "people_detail",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column(
        "contact",
        String(32),
        ForeignKey("people_contact.id", ondelete="CASCADE"),
        nullable=False,
    ),
    # phone, email, address, nickname, relation, group
    Column("type", String(16), nullable=False),
    # mobile, home, work … as the card has it; may be empty
    Column("kind", String(64), nullable=False),
    Column("value", Text, nullable=False),
    # What to look it up by: a number's last digits, else the folded text.
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Index(None, "owner", "contact"),
    Index(None, "owner", "type", "key"),
)

words = Table(
    "people_word",
    metadata,
    # No primary key: two writers may file the same new word at once, and that is harmless.
    Column("owner", String(255), nullable=False),
    Column("key", String(80), nullable=False),
    Column("word", String(80), nullable=False),
    Index(None, "owner", "key", "word"),
    Index(None, "owner", "word"),
)

names = Table(
    "people_name",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("word", String(80), primary_key=True),
    # name, nickname, relation, company, role
    Column("field", String(16), primary_key=True),
    Column(
        "contact",
        String(32),
        ForeignKey("people_contact.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Index(None, "owner", "contact"),
)

kept = tables("people", metadata)
"""The address book elsewhere, and what each contact was when both sides last agreed."""
