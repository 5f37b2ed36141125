"""A recording in a multipart form: read, checked, decoded, each within its limits."""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Any, TypeVar

from flask import request
from pydantic import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from wlm.errors import BadAudio, UsageError
from wlm.server import idempotency
from wlm.server.contract import Form, invalid, is_list
from wlm.server.service import service

if TYPE_CHECKING:
    from wlm.pipeline.audio import Audio

Model = TypeVar("Model", bound=Form)
FIELD = "file"
_NAMES = {FIELD, "audio"}


def read(model: type[Model]) -> tuple[IO[bytes], Model]:
    """The recording of the request and the other fields. Raises ``UsageError``."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType
    files = [file for name, file in request.files.items(multi=True) if name in _NAMES]
    if len(files) != 1 or len(list(request.files.items(multi=True))) != 1:
        raise UsageError(
            f"The form needs one recording, in the part {FIELD!r} with a file name.",
            hint=f"Such as: curl -F {FIELD}=@recording.wav …",
        )
    values: dict[str, Any] = {}
    for name, given in request.form.lists():
        if name is None:  # its header holds a name that cannot be read
            raise UsageError("A part of the form has no name.", hint="See /docs.")
        plain = name.removesuffix("[]")
        field = model.model_fields.get(plain)
        if field is None and model.model_config.get("extra") == "ignore":
            continue
        many = field is not None and is_list(field.annotation)
        if "\0" in "".join(given) or (len(given) > 1 and not many):
            raise UsageError(
                f"The field {plain[:40]!r} is not of the right form.", hint="See /docs."
            )
        values[plain] = given if many else given[0]
    try:
        return files[0].stream, model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, "form") from None


def decoded(stream: IO[bytes]) -> Audio:
    """The sound in it. Raises ``BadAudio`` or ``TooLarge``.

    One that ends too early is refused: half of a request may mean something else.
    """
    from wlm.pipeline.audio import decode

    config = service().settings.config
    stream.seek(0)
    audio = decode(
        stream,  # type: ignore[arg-type]
        max_bytes=config.max_audio_bytes,
        max_seconds=config.max_audio_seconds,
    )
    if audio.truncated:
        raise BadAudio(
            "The recording ends too early or is damaged; nothing was done.",
            hint="Send it again, whole.",
        )
    return audio


def fingerprint(stream: IO[bytes], form: Form) -> str:
    """What tells this request from another with the same idempotency key; without one, nothing
    has to be told apart, and the recording is not read for it."""
    if not request.headers.get(idempotency.HEADER):
        return ""
    stream.seek(0)
    made = hashlib.sha256()
    while block := stream.read(1 << 20):
        made.update(block)
    return f"{form.model_dump_json()}\n{made.hexdigest()}"
