"""``/v1/voice``: a spoken request, done."""

from __future__ import annotations

from flask import Blueprint, Response, request
from pydantic import Field

from wlm.server import turns, uploads
from wlm.server.access import owner, scope
from wlm.server.connection import watched
from wlm.server.contract import PLAIN, Form, contract
from wlm.server.service import service
from wlm.types import Turn

blueprint = Blueprint("voice", __name__, url_prefix="/v1")


class VoiceForm(Form):
    """What goes with a recording."""

    conversation: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern=PLAIN,
        description="Continue this conversation.",
    )
    yes: bool = Field(False, description="Confirm what must be confirmed.")


@blueprint.post("/voice")
@scope("ask")
@contract(upload=VoiceForm, gives=Turn, also={202: Turn}, headers=("Prefer",))
def voice() -> Response:
    """Do what a recording asks for. Nobody speaking gives a turn without text.

    Who hangs up before it was heard is not worked for: nothing is done then.
    """
    stream, form = uploads.read(VoiceForm)
    audio = uploads.decoded(stream)

    def run(turn_id: str, *, wait: bool) -> Turn:
        pipeline = service().pipeline(owner(), wait=wait)
        with watched(request.environ) as gone:
            return pipeline.voice(
                audio,
                conversation=form.conversation,
                confirmed=form.yes,
                turn_id=turn_id,
                cancelled=gone,
            )

    return turns.once(uploads.fingerprint(stream, form), run, wait=not turns.wants_async(request))
