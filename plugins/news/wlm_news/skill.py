"""What can be asked of the news. The handler says; ``feeds.py`` fetches."""

from __future__ import annotations

from typing import Annotated

from wlm.plugins import Context, Reply, Skill, Slot, TimeRange, intent


class News(Skill):
    """Headlines from the feeds you choose."""

    @intent(examples=["what's in the news", "any news about {topic}"])
    def headlines(
        self,
        ctx: Context,
        topic: Annotated[
            str, Slot("what the news is about", cues=("about", "on", "regarding"))
        ] = "",
        source: Annotated[str, Slot("whose news", cues=("from", "by"))] = "",
        when: TimeRange | None = None,
    ) -> Reply:
        """Read the latest headlines."""
        raise NotImplementedError
