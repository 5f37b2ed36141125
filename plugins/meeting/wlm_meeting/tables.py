"""The calendar's table. Times in ``*_at`` are UTC, in ``local_*`` wall time of ``zone``; all naive.

One row is a single meeting, a reminder, a series (``rrule`` or ``rdates``), or one changed
occurrence of a series (``series`` and ``recurrence``, as RECURRENCE-ID in iCalendar). A
series is bounded by ``starts_at`` and ``ends_at`` too, so that a look at one day never
reads what cannot touch it.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from wlm.plugins.sync.remotes import tables

metadata = MetaData()

entries = Table(
    "meeting_entries",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("uid", String(512), nullable=False),
    Column("recurrence", String(32), nullable=False),
    Column("series", String(26)),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("people", JSON, nullable=False),
    Column("location", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("link", Text, nullable=False, server_default=""),
    Column("organizer", Text, nullable=False, server_default=""),
    Column("all_day", Boolean, nullable=False),
    Column("busy", Boolean, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("local_start", DateTime, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("repeats", Boolean, nullable=False),
    Column("rrule", Text, nullable=False),
    Column("local_last", DateTime),
    Column("rdates", JSON, nullable=False),
    Column("exdates", JSON, nullable=False),
    Column("starts_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Column("notify_event", String(64)),
    Column("notify_before", Integer),
    Column("sequence", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    UniqueConstraint("owner", "uid", "recurrence", name="uq_meeting_entries_uid"),
    Index("ix_meeting_entries_span", "owner", "repeats", "ends_at", "starts_at"),
    Index("ix_meeting_entries_series", "owner", "series"),
    Index("ix_meeting_entries_notify", "owner", "notify_event"),
)

kept = tables("meeting", metadata)
"""The calendars elsewhere, and what each meeting was when both sides last agreed."""
