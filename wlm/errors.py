"""The whole exception tree, with every stable code in one place.

    WlmError                    internal        exit 1   HTTP 500
    ├── UsageError              usage           exit 2   HTTP 400
    │   ├── BadSetting          bad_setting     exit 2   HTTP 400
    │   ├── BadAudio            bad_audio       exit 2   HTTP 415
    │   ├── TooLarge            too_large       exit 2   HTTP 413
    │   ├── UpgradeRequired     upgrade_required  exit 2   HTTP 426
    │   ├── SlowClient          slow_client     exit 2   HTTP 408
    │   ├── Conflict            conflict        exit 2   HTTP 409
    │   ├── KeyReused           idempotency_key_reused  exit 2   HTTP 409
    │   └── NotFound            not_found       exit 2   HTTP 404
    ├── NeedsUser               waiting         exit 3   HTTP 409
    │   ├── NeedsInput          needs_input     exit 3   HTTP 409
    │   ├── NeedsConfirmation   needs_confirmation  exit 3   HTTP 409
    │   └── LoginPending        login_pending   exit 3   HTTP 409
    ├── NotUnderstood           not_understood  exit 4   HTTP 422
    │   └── NothingHeard        nothing_heard   exit 4   HTTP 422
    ├── SkillError              skill_failed    exit 5   HTTP 502
    │   ├── ProviderError       provider_failed exit 5   HTTP 502
    │   │   └── ProviderAway    provider_away   exit 5   HTTP 503   retryable
    │   │       └── ProviderPaused  provider_paused  exit 5   HTTP 503   retryable
    │   ├── BadRequest          refused         exit 5   HTTP 422
    │   └── SkillMissing        skill_missing   exit 5   HTTP 404
    ├── NotAllowed              not_allowed     exit 6   HTTP 403
    │   ├── NotSignedIn         not_signed_in   exit 6   HTTP 401
    │   ├── ShareReadOnly       share_read_only exit 6   HTTP 403
    │   └── ShareEnded          share_ended     exit 6   HTTP 403
    ├── Cancelled               cancelled       exit 1   HTTP 499
    ├── Unreachable             unreachable     exit 7   HTTP 503   retryable
    │   ├── Busy                busy            exit 7   HTTP 503   retryable
    │   │   ├── RouterTraining  router_training exit 7   HTTP 503   retryable
    │   │   └── RateLimited     rate_limited    exit 7   HTTP 429   retryable
    │   └── InProgress          in_progress     exit 7   HTTP 409   retryable
    └── EnvironmentFault        environment     exit 1   HTTP 500
        ├── StorageFault        storage         exit 1   HTTP 507
        │   ├── NewerDatabase   newer_database  exit 1   HTTP 500
        │   └── MasterKeyFault  master_key      exit 1   HTTP 500
        ├── ModelMissing        model_missing   exit 1   HTTP 503
        └── NoMicrophone        no_microphone   exit 1   HTTP 503

An error says what happened and what was kept (``message``) and what to do next
(``hint``). Neither may hold personal data or secrets: both reach logs. What the user
said or a skill found goes to a Reply, never here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar


class WlmError(Exception):
    """Something inside WLM went wrong; the base of every error that it raises.

    Class attributes are the stable surface: ``code`` for programs, ``exit_code`` for the
    command line, ``http_status`` for the gateway, ``retryable`` for the event engine.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    retryable: bool = False
    default_hint: ClassVar[str] = "Run `wlm doctor`; if it finds nothing, report the error."

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        """``message`` defaults to the docstring's first line; ``retry_after`` is in seconds."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.hint = self.default_hint if hint is None else hint
        if retryable is not None:
            self.retryable = retryable
        self.retry_after = retry_after
        super().__init__(self.message)

    def __init_subclass__(
        cls,
        *,
        code: str | None = None,
        exit_code: int | None = None,
        http_status: int | None = None,
        retryable: bool | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init_subclass__()
        for name, value in (
            ("code", code),
            ("exit_code", exit_code),
            ("http_status", http_status),
            ("retryable", retryable),
            ("default_hint", hint),
        ):
            if value is not None:
                setattr(cls, name, value)

    def as_dict(self) -> dict[str, object]:
        """The error as JSON: code, message, hint, retryable."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
        }


class UsageError(WlmError, code="usage", exit_code=2, http_status=400, hint="See `wlm --help`."):
    """The request was not of the right form."""


class BadSetting(
    UsageError, code="bad_setting", hint="`wlm config show` lists every setting and its value."
):
    """A setting is unknown or its value does not fit."""


class BadAudio(
    UsageError,
    code="bad_audio",
    http_status=415,
    hint="Give a recording as wav, flac, mp3, ogg, opus, m4a or webm.",
):
    """The audio could not be decoded."""


class TooLarge(
    UsageError,
    code="too_large",
    http_status=413,
    hint="Raise the limit (`wlm config set max_audio_seconds N`) or split the input.",
):
    """The input is larger than the limit."""


class SlowClient(
    UsageError, code="slow_client", http_status=408, hint="Send it over a better connection."
):
    """The upload came too slowly; nothing was accepted."""


class UpgradeRequired(
    UsageError, code="upgrade_required", http_status=426, hint="Use a ws:// or wss:// address."
):
    """This address speaks WebSocket."""


class Conflict(UsageError, code="conflict", http_status=409, hint="See how it stands."):
    """That is not possible as things stand; nothing was changed."""


class KeyReused(
    UsageError,
    code="idempotency_key_reused",
    http_status=409,
    hint="Use a new key for another request.",
):
    """The idempotency key was used for another request before; nothing was done."""


class NotFound(UsageError, code="not_found", http_status=404, hint="Check the name or id."):
    """There is nothing of that name."""


class NeedsUser(
    WlmError,
    code="waiting",
    exit_code=3,
    http_status=409,
    hint="Answer with `wlm ask`, or see `wlm events list`.",
):
    """The event waits for the user."""


class NeedsInput(NeedsUser, code="needs_input"):
    """A slot is missing or ambiguous."""


class NeedsConfirmation(NeedsUser, code="needs_confirmation"):
    """The effect must be confirmed first."""


class LoginPending(
    NeedsUser, code="login_pending", hint="Approve the sign-in in the browser, then ask again."
):
    """The sign-in waits for the user."""


class NotUnderstood(
    WlmError,
    code="not_understood",
    exit_code=4,
    http_status=422,
    hint="`wlm skills list` shows what can be asked; `wlm why` shows how it was decided.",
):
    """No installed skill serves this request."""


class NothingHeard(NotUnderstood, code="nothing_heard", hint="Speak closer to the microphone."):
    """I heard nothing."""


class SkillError(WlmError, code="skill_failed", exit_code=5, http_status=502):
    """The skill failed."""


class ProviderError(SkillError, code="provider_failed"):
    """The service behind the skill answered with an error.

    ``provider`` is what the skill calls it, where it was asked under ``Context.provider``.
    """

    provider: str = ""


class ProviderAway(
    ProviderError,
    code="provider_away",
    http_status=503,
    retryable=True,
    hint="Check the network, then `wlm events retry`.",
):
    """The service behind the skill cannot be reached now."""


class ProviderPaused(ProviderAway, code="provider_paused", hint="It is asked again by itself."):
    """The service behind the skill is left alone for a while; nothing was asked of it."""


class BadRequest(SkillError, code="refused", http_status=422, hint="Say it with other values."):
    """The skill cannot do that with these values."""


class SkillMissing(
    SkillError,
    code="skill_missing",
    http_status=404,
    hint="`wlm skills list` shows what is installed; `wlm skills install NAME` adds one.",
):
    """The skill is not installed or did not load."""


class NotAllowed(
    WlmError, code="not_allowed", exit_code=6, http_status=403, hint="Ask the administrator."
):
    """You may not do that."""


class NotSignedIn(NotAllowed, code="not_signed_in", http_status=401, hint="Run `wlm login`."):
    """Nobody is signed in."""


class ShareReadOnly(
    NotAllowed, code="share_read_only", hint="Ask whose account it is for a share to write."
):
    """The account is shared with you to look at; nothing was changed."""


class ShareEnded(
    NotAllowed,
    code="share_ended",
    hint="`wlm share own SKILL` goes back to your own account; `wlm share list` shows the others.",
):
    """The account that the skill was to work with is not shared with you any more."""


class Cancelled(WlmError, code="cancelled", http_status=499, hint="Ask again."):
    """Nobody waited for the answer any more, so the work was stopped."""


class Unreachable(
    WlmError,
    code="unreachable",
    exit_code=7,
    http_status=503,
    retryable=True,
    hint="Check WLM_SERVER_URL and the network.",
):
    """The gateway or the network cannot be reached."""


class Busy(
    Unreachable, code="busy", http_status=503, hint="Nothing was begun; try again in a moment."
):
    """The gateway has as much to do as it can; nothing was accepted."""


class RouterTraining(
    Busy,
    code="router_training",
    hint="Nothing was begun; try again in a moment. It happens once for each set of skills.",
):
    """The router is learning what the installed skills declare; nothing was accepted."""


class RateLimited(
    Busy, code="rate_limited", http_status=429, hint="Wait as long as Retry-After says."
):
    """You ask more often than this gateway allows; nothing was accepted."""


class InProgress(
    Unreachable,
    code="in_progress",
    http_status=409,
    hint="Ask again with the same key in a moment.",
):
    """The first request with this idempotency key is still under way."""


class EnvironmentFault(WlmError, code="environment", hint="Run `wlm doctor`."):
    """Something on this machine stands in the way."""


class StorageFault(
    EnvironmentFault,
    code="storage",
    http_status=507,
    hint="Check that WLM_HOME is writable and its disk has room (`wlm doctor`).",
):
    """The data folder or database cannot be read or written; nothing was changed."""


class NewerDatabase(
    StorageFault,
    code="newer_database",
    http_status=500,
    hint="Upgrade WLM, or point WLM_DATABASE_URL at another database.",
):
    """The database was made by a newer version of WLM; nothing was changed."""


class MasterKeyFault(
    StorageFault,
    code="master_key",
    http_status=500,
    hint="Give the key that this database was made with: WLM_MASTER_KEY, or restore the data "
    "folder's secrets beside the database.",
):
    """The master key is not the one of this database; nothing was changed."""


class ModelMissing(
    EnvironmentFault,
    code="model_missing",
    http_status=503,
    hint="`pip install 'wlm[models]'`, or `wlm models list`.",
):
    """There is no speech model."""


class NoMicrophone(
    EnvironmentFault,
    code="no_microphone",
    http_status=503,
    hint="`wlm doctor audio` lists devices; `wlm listen --file F.wav` needs none.",
):
    """There is no microphone."""


def walk(root: type[WlmError] = WlmError) -> Iterator[type[WlmError]]:
    """Every error class, parents first: the table that docs and the gateway are made from."""
    yield root
    for child in root.__subclasses__():
        yield from walk(child)
