"""Keep what a skill holds in step with a copy of it at a server, both ways.

A skill makes the tables (``remotes.tables``), says what its things are (``both_ways.Copies``)
and which account is meant (``account.Account``); ``account.sync`` does the rest. Meetings
(CalDAV) and contacts (CardDAV) do so. Nothing is imported here: the tables are needed at each
start, the rest only for a sync.
"""
