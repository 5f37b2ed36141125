"""Where a meeting is joined from afar: one link, wherever the calendar that made it put it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from wlm.errors import BadRequest
from wlm.plugins import Context
from wlm_meeting.settings import CalendarSettings

NAMES = (
    "CONFERENCE",
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
)
"""Properties that hold nothing but such a link; CONFERENCE is the standard's (RFC 7986)."""
_SERVICES = re.compile(
    r"(?:^|\.)(?:zoom\.us|zoomgov\.com|zoom\.com|teams\.microsoft\.com|teams\.live\.com"
    r"|meet\.google\.com|webex\.com|whereby\.com|meet\.jit\.si|8x8\.vc|gotomeeting\.com"
    r"|gotomeet\.me|meet\.goto\.com|bluejeans\.com|chime\.aws|skype\.com|ringcentral\.com"
    r"|jitsi\.\S+|bbb\.\S+|meet\.\S+)$"
)
"""Hosts of video calls: elsewhere in an event only links to these are taken for its link."""
_URL = re.compile(r"https?://[^\s<>\"'\\]+", re.IGNORECASE)
_LONGEST = 2_000


def link_of(component: Any) -> str:
    """The link of an event of an iCalendar file; empty where it has none."""
    return next((link for link in _candidates(component) if link), "")


def _candidates(component: Any) -> Iterator[str]:
    conferences = sorted(_listed(component.get("CONFERENCE")), key=_not_video)
    yield from (sound(str(value)) for value in conferences)
    for name in NAMES[1:]:
        yield from (sound(str(value)) for value in _listed(component.get(name)))
    for name in ("URL", "LOCATION", "DESCRIPTION"):
        for value in _listed(component.get(name)):
            for url in _URL.findall(str(value)):
                link = sound(url.rstrip(".,;:!?)]}"))
                if link and _SERVICES.search((urlsplit(link).hostname or "").casefold()):
                    yield link


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _not_video(value: Any) -> bool:
    """Whether it is another way to take part, such as a telephone or a chat."""
    features = _listed(getattr(value, "params", {}).get("FEATURE"))
    named = {part.strip().upper() for text in features for part in str(text).split(",")}
    return bool(named) and "VIDEO" not in named


def sound(text: str) -> str:
    """The text if it is a link to a page, else nothing: what others write is data."""
    text = text.strip()
    if len(text) > _LONGEST or not _URL.fullmatch(text):
        return ""
    try:
        return text if urlsplit(text).hostname else ""
    except ValueError:
        return ""


def room(ctx: Context) -> str:
    """The link for a new meeting, by the setting. Raises ``BadRequest`` where none is set."""
    setting = ctx.settings_as(CalendarSettings).video_room
    if not setting:
        raise BadRequest(
            "No video room is set up; nothing was changed.",
            hint="Set one: `wlm skills configure meeting video_room=https://…` ({id} in it "
            "makes a room of its own for each meeting).",
        )
    return setting.replace("{id}", secrets.token_hex(10))  # who has it may come in


def host(link: str) -> str:
    """Where it leads to, to be heard."""
    return (urlsplit(link).hostname or "").removeprefix("www.")
