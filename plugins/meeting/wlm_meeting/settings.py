"""Settings of the calendar."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class CalendarSettings(BaseModel):
    """Settings of the calendar."""

    model_config = ConfigDict(defer_build=True)  # built by who uses it

    default_minutes: int = Field(60, gt=0, description="How long a meeting is if not said.")
    day_starts: int = Field(9, ge=0, le=23, description="First working hour.")
    day_ends: int = Field(18, ge=1, le=24, description="End of the working day, an hour.")
    travel_minutes: int = Field(
        0, ge=0, le=240, description="Kept free before and after what takes place somewhere."
    )
    video_room: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="Link for meetings `with a video link`; {id} in it makes a room for each.",
    )
    invite_as: str = Field(
        "",
        description="Your e-mail address, to ask after each change whether those who take part "
        "are to be told by mail (skill email); empty: never.",
    )
    free_busy: str = Field(
        "",
        description="Addresses that tell when others are busy (.ifb or .ics), by e-mail or name: "
        "anna@acme.example=https://…; Tom Baker=https://….",
    )
    caldav_url: str = Field("", description="CalDAV server or calendar; empty: none.")
    caldav_sign_in: Literal["password", "google"] = Field(
        "password", description="password, or google: the account of `wlm connect google`."
    )
    caldav_user: str = Field("", description="Login name there.")
    caldav_password: SecretStr | None = Field(None, description="Password, or an app password.")
    caldav_calendar: str = Field("", description="Which of its calendars; empty: the first.")
    subscriptions: str = Field(
        "", description="Addresses of .ics calendars to show, separated by spaces."
    )
    sync_minutes: int = Field(
        5, ge=0, description="Sync before a look if the last time is longer ago; 0: never."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.day_starts >= self.day_ends:
            raise ValueError("day_starts must be before day_ends")
        return self

    @property
    def addresses(self) -> list[str]:
        """The subscriptions, each once."""
        return list(dict.fromkeys(self.subscriptions.split()))

    @property
    def published(self) -> dict[str, str]:
        """Where others tell when they are busy, by folded e-mail address or name."""
        pairs = (part.partition("=") for part in self.free_busy.split(";"))
        return {who.strip().casefold(): url.strip() for who, _, url in pairs if url.strip()}

    @property
    def travel(self) -> timedelta:
        """What is kept free around meetings that have a place."""
        return timedelta(minutes=self.travel_minutes)

    @property
    def length(self) -> timedelta:
        """How long a meeting is if not said."""
        return timedelta(minutes=self.default_minutes)

    @property
    def hours(self) -> tuple[int, int]:
        """Begin and end of the working day."""
        return self.day_starts, self.day_ends
