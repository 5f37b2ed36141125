"""The core's tables. Every one has an ``owner``; ids are made by the client. What somebody
said, or was answered, is in sealed columns (``wlm.store.sealed``).

A change here needs a migration in ``migrations/versions`` (a test compares the two). Indexes on
some rows of a table are in ``wlm.store.indexes``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from wlm.store.columns import UtcTime, json_column, metadata, serial
from wlm.store.sealed import SealedJson, SealedText
from wlm.types import State

core = metadata()
"""The core's table definitions."""

ID = String(26)
OWNER = String(64)
# A conversation's id may be given by the user (`--conversation`), so it may be any short text.
NAME = String(128)
PROVIDER = String(255)


turns = Table(
    "turns",
    core,
    Column("id", ID, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("conversation", NAME, nullable=False),
    Column("text", SealedText(), nullable=False),
    Column("decision", SealedJson(), nullable=False),
    Column("actions", SealedJson(), nullable=False),
    Column("reply", SealedJson(), nullable=False),
    Column("timings_ms", json_column(), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "owner", "created_at", "id"),
    Index(None, "owner", "conversation", "created_at"),
)
"""What was said, how it was decided (for `wlm why`) and what was answered."""

events = Table(
    "events",
    core,
    Column("id", ID, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("state", String(24), nullable=False),
    Column("skill", NAME, nullable=False),
    Column("intent", String(256), nullable=False),
    Column("slots", SealedJson(), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("router", String(64), nullable=False),
    Column("effect", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("begun", Boolean, nullable=False),
    Column("conversation", NAME),
    Column("turn", ID),
    Column("parent", ID, ForeignKey("events.id", ondelete="SET NULL")),
    Column("root", ID, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("idempotency_key", String(255)),
    Column("fingerprint", String(64)),
    Column("lease_token", ID),
    Column("lease_until", UtcTime),
    Column("worker", String(128)),
    Column("ticket", BigInteger),
    Column("traceparent", String(64)),
    Column("account", ID),
    Column("created_at", UtcTime, nullable=False),
    Column("run_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("reply", SealedJson()),
    Column("question", SealedJson()),
    Column("error", SealedJson()),
    Column("refers", SealedJson()),
    Column("undo", SealedJson()),
    CheckConstraint("state IN ({})".format(", ".join(f"'{s.value}'" for s in State)), name="state"),
    CheckConstraint("effect IN ('read', 'write', 'send')", name="effect"),
    CheckConstraint("priority BETWEEN 0 AND 9", name="priority"),
    CheckConstraint("attempts >= 0 AND max_attempts >= 1", name="attempts"),
    CheckConstraint("(state = 'running') = (lease_token IS NOT NULL)", name="lease"),
    Index("uq_events_owner_idempotency_key", "owner", "idempotency_key", unique=True),
    Index(None, "owner", "created_at", "id"),
    Index(None, "owner", "conversation", "created_at"),
    Index(None, "owner", "state", "created_at", "id"),
    Index(None, "owner", "skill", "created_at", "id"),
    Index(None, "finished_at"),
    Index(None, "turn"),
    Index(None, "parent"),
    Index(None, "root"),
)
"""Accepted work, the durable record (``wlm.types.Event``).

``root`` and ``depth`` bound what one event may cause. ``fingerprint`` (under the owner's key)
tells a repeated request from another one with the same idempotency key. ``begun``: a ``send``
was started and how it ended is not known. ``refers`` is what words such as "it" stand for in
this event, ``undo`` the intent and slots that take back what it did. ``losses`` counts how often
its process ended while it ran (``wlm.events.suspects``). A running event, and no
other, has a lease; whoever ends it must hold its token. ``ticket`` is the place in the queue of
an event that is ready, and is kept while it runs (``wlm.events.tickets``). ``traceparent`` is
the place in a trace where it was accepted (``wlm.trace``). ``account`` is the share by which it
works with another user's account (``wlm.store.accounts.shares``); none: the owner's own.
"""

tickets = Table(
    "tickets",
    core,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("served", BigInteger, nullable=False),
)
"""One row (id 1): the ticket that the workers have come to."""

breakers = Table(
    "breakers",
    core,
    Column("skill", NAME, primary_key=True),
    Column("provider", PROVIDER, primary_key=True),
    Column("owner", OWNER, primary_key=True),
    Column("own", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("open_until", UtcTime),
)
"""Providers that failed, again and again: for one owner, or ``""`` for everybody.

``provider`` is what the skill calls it; ``""`` is the skill as a whole. ``own``: the owner's own
server, so that its name is nobody else's business.
"""

permits = Table(
    "permits",
    core,
    Column("skill", NAME, primary_key=True),
    Column("provider", PROVIDER, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("holder", ID, nullable=False),
    Column("worker", String(128), nullable=False),
    Column("until", UtcTime, nullable=False),
)
"""Who may ask a provider now (``wlm.events.semaphore``): one row for each of so many at once."""

event_log = Table(
    "event_log",
    core,
    Column("id", serial(), primary_key=True, autoincrement=True),
    Column("event_id", ID, ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("owner", OWNER, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("state", String(24), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", String(128)),
    Column("code", String(64)),
    Column("detail", Text),
    Index(None, "event_id", "id"),
)
"""The history of each event. ``detail`` holds no personal data."""

effects = Table(
    "effects",
    core,
    Column("event_id", ID, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("result", SealedJson("event_id", "key")),
    Column("created_at", UtcTime, nullable=False),
)
"""What was done once: one row for each event and key, written with the effect itself."""

idempotency_keys = Table(
    "idempotency_keys",
    core,
    Column("owner", OWNER, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("subject", ID, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
"""Requests that came with an idempotency key: what they were about, never what they said."""

schedules = Table(
    "schedules",
    core,
    Column("id", ID, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("state", String(8), nullable=False),
    Column("title", SealedText(), nullable=False),
    Column("skill", NAME),
    Column("key", String(255)),
    Column("rrule", Text, nullable=False),
    Column("starts", String(32), nullable=False),
    Column("ends", String(32)),
    Column("zone", String(64), nullable=False),
    Column("excluded", json_column(), nullable=False),
    Column("lead_seconds", Integer, nullable=False),
    Column("steps", SealedJson(), nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("catch_up_seconds", Integer, nullable=False),
    Column("channels", json_column()),
    Column("next_at", UtcTime),
    Column("handled_at", UtcTime, nullable=False),
    Column("last_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("state IN ('active', 'paused', 'ended')", name="state"),
    Index("uq_schedules_owner_skill_key", "owner", "skill", "key", unique=True),
    Index(None, "owner", "created_at"),
    Index(None, "state", "next_at"),
)
"""What happens again and again (``wlm.types.Schedule``).

``starts`` and ``ends`` are wall times in ``zone`` (ISO 8601 without offset): the first
occurrence, and one that none comes after. Everything up to ``handled_at`` is dealt with.
``skill`` and ``key`` are those of the skill that made it, if one did.
"""

firings = Table(
    "firings",
    core,
    Column("schedule_id", ID, ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True),
    Column("occurrence", UtcTime, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("missed", Integer, nullable=False),
    Column("events", json_column(), nullable=False),
    CheckConstraint("outcome IN ('fired', 'late', 'skipped')", name="outcome"),
    Index(None, "at"),
)
"""What became of each occurrence of a schedule; its key keeps it from coming twice.

``missed``: how many occurrences before it were passed over with it.
"""

notices = Table(
    "notices",
    core,
    Column("id", serial(), primary_key=True, autoincrement=True),
    Column("owner", OWNER, nullable=False),
    Column("event_id", ID, ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(24), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "owner", "id"),
    Index(None, "event_id"),
    sqlite_autoincrement=True,
)
"""What the user is to be told of events that ended, or ask, while nobody waited for them.

The ids of one owner grow in the order of commits, so that a reader can go on after one.
"""

deliveries = Table(
    "deliveries",
    core,
    Column("notice_id", ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", String(64), primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("state", String(8), nullable=False),
    Column("taken_at", UtcTime),
    Column("done_at", UtcTime),
    CheckConstraint("state IN ('pending', 'taken', 'done', 'failed')", name="state"),
    Index(None, "state", "channel", "owner"),
)
"""Each notice once on each channel."""

corrections = Table(
    "corrections",
    core,
    Column("id", ID, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("key", String(64), nullable=False),
    Column("text", SealedText(), nullable=False),
    Column("intent", String(256), nullable=False),
    Column("turn", ID),
    Column("created_at", UtcTime, nullable=False),
    Index("uq_corrections_owner_key", "owner", "key", unique=True),
    Index(None, "turn"),
)
"""What was understood wrongly and what was meant (``wlm.store.corrections``)."""

master_keys = Table(
    "master_keys",
    core,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("canary", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
"""Versions of the master key, never the key itself: the canary opens with the right one."""

data_keys = Table(
    "data_keys",
    core,
    Column("id", ID, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("version", Integer, nullable=False),
    Column("wrapped", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "owner", "id"),
    Index(None, "version"),
)
"""Users' keys, wrapped by the master key of that version (``wlm.store.vault``)."""

skill_values = Table(
    "skill_values",
    core,
    Column("owner", OWNER, primary_key=True),
    Column("skill", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("value", SealedJson("skill", "name"), nullable=False),
    Column("secret", Boolean, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)
"""What users of a gateway set for themselves of a skill's settings (``wlm.store.skill_values``)."""

llm_calls = Table(
    "llm_calls",
    core,
    Column("id", ID, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("key", String(64), nullable=False),
    Column("answered", Boolean, nullable=False),
    Column("answer", Text),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "owner", "created_at"),
    Index(None, "owner", "key", "created_at"),
)
"""Calls to a language model: the day's budget, and answers for the same question.

``key`` stands for the question under its owner's key, ``answer`` is sealed. Rows are dropped
after two days.
"""

watches = Table(
    "watches",
    core,
    Column("owner", OWNER, primary_key=True),
    Column("skill", NAME, primary_key=True),
    Column("holder", ID),
    Column("worker", String(128)),
    Column("until", UtcTime),
    Column("mark", json_column()),
)
"""What skills watch for users (``wlm.events.watches``): who does it now, and how far it is."""
