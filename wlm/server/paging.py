"""Pages of a list that is short enough to be read whole; long ones page in the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import Field

from wlm.errors import NotFound
from wlm.server.contract import CURSOR, Form

T = TypeVar("T")


class ShortPageQuery(Form):
    """Which page."""

    limit: int = Field(200, ge=1, le=200, description="At most so many.")
    cursor: str | None = Field(None, pattern=CURSOR, description="`next` of the page before.")


def page(
    items: Sequence[T], key: Callable[[T], str], query: ShortPageQuery
) -> tuple[list[T], str | None]:
    """The items of that page, and the cursor of the next one (``None`` at the end).

    Raises ``NotFound`` for a cursor that is none, or whose item is gone.
    """
    begin = 0
    if query.cursor is not None:
        at = next((i for i, item in enumerate(items) if key(item) == query.cursor), None)
        if at is None:
            raise NotFound("There is nothing like that to go on from.", hint="Begin again.")
        begin = at + 1
    found = list(items[begin : begin + query.limit])
    more = begin + len(found) < len(items)
    return found, key(found[-1]) if found and more else None
