"""Settings of the calendar."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wlm.plugins import Context


class CalendarSettings(BaseModel):
    """Settings of the calendar."""

    model_config = ConfigDict(defer_build=True)  # built by who uses it

    default_minutes: int = Field(60, gt=0, description="How long a meeting is if not said.")
    day_starts: int = Field(9, ge=0, le=23, description="First working hour.")
    day_ends: int = Field(18, ge=1, le=24, description="End of the working day, an hour.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.day_starts >= self.day_ends:
            raise ValueError("day_starts must be before day_ends")
        return self

    @property
    def length(self) -> timedelta:
        """How long a meeting is if not said."""
        return timedelta(minutes=self.default_minutes)

    @property
    def hours(self) -> tuple[int, int]:
        """Begin and end of the working day."""
        return self.day_starts, self.day_ends


def settings_of(ctx: Context) -> CalendarSettings:
    """The settings of this run."""
    assert isinstance(ctx.settings, CalendarSettings)
    return ctx.settings
