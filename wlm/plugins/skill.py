"""The skill contract: a class whose ``@intent`` methods are what it can do.

    class Weather(Skill):
        \"\"\"Forecasts from Open-Meteo.\"\"\"

        @intent(examples=["will it rain {when} in {place}"], effect="read")
        def forecast(self, ctx: Context, place: Place | None = None,
                     when: TimeRange | None = None) -> Reply:
            \"\"\"Weather for a place and a time.\"\"\"

Names, slot types, tool schemas, command help and docs are read from the signature and the
docstrings. More phrases, and other languages, lie in ``phrases/LANG.txt`` beside the
skill's module: below a heading for each intent (``[forecast]``) a phrase a line, and
``keywords:`` with words, separated by commas. In another language ``words SLOT CHOICE:``
gives its words for a choice. A phrase after ``+`` is a follow-up ("+ call
it {title}"): it counts only while the conversation is about something of this skill.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from wlm.plugins.slots import SlotSpec, slot_spec
from wlm.types import Effect, Reply

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from typer import Typer

    from wlm.plugins.context import Context
    from wlm.plugins.manager import Registry
    from wlm.plugins.summaries import ToModel
    from wlm.plugins.watching import Noticed

Handler = TypeVar("Handler", bound=Callable[..., Reply])
HOST_ONLY: dict[str, JsonValue] = {"host_only": True}
"""``Field(…, json_schema_extra=HOST_ONLY)``: a setting that a gateway's users cannot set for
themselves, such as a path on its disk, or a server that all share."""
_MARK = "__wlm_intent__"
_KEYWORDS = "keywords:"
_WORDS = re.compile(r"words (?P<slot>\w+) (?P<choice>[^:]+): (?P<words>.+)")
_FOLLOWS = "+"
_SPECIAL = frozenset({"", "#", "[", _KEYWORDS[0], "w", _FOLLOWS})
"""How a line may begin that is more than an example."""
_SLOT_MARK = re.compile(r"\{(\w+)\}")


class _Declaration(NamedTuple):
    examples: tuple[str, ...]
    keywords: tuple[str, ...]
    effect: Effect
    confirm: str
    priority: int
    timeout: float
    retries: int
    cache_seconds: int
    personal: bool
    followups: tuple[str, ...]
    internal: bool


class Phrases(NamedTuple):
    """How people say an intent in one language. ``{slot}`` marks stand for values.

    ``followups`` are said of what the conversation is about already. ``words`` are this
    language's words for the choices of a slot, by slot and choice.
    """

    examples: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    followups: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({})


class Proposal(NamedTuple):
    """What a yes is to: the question in words, and the slots (JSON form) that it settles."""

    text: str
    slots: Mapping[str, Any] = MappingProxyType({})


class IntentSpec(NamedTuple):
    """One intent, as derived from its handler."""

    name: str
    skill: str
    method: str
    help: str
    effect: Effect
    slots: tuple[SlotSpec, ...]
    phrases: Mapping[str, Phrases]
    confirm: str
    priority: int
    timeout: float
    retries: int
    cache_seconds: int
    personal: bool
    internal: bool = False

    def slot(self, name: str) -> SlotSpec | None:
        """The slot of that name."""
        return next((slot for slot in self.slots if slot.name == name), None)

    def tool_schema(self) -> dict[str, Any]:
        """The intent as an OpenAI-style function tool; the dot becomes ``__``."""
        return {
            "type": "function",
            "function": {
                "name": self.name.replace(".", "__"),
                "description": self.help,
                "parameters": {
                    "type": "object",
                    "properties": {slot.name: slot.schema() for slot in self.slots},
                    "required": [slot.name for slot in self.slots if slot.required],
                    "additionalProperties": False,
                },
            },
        }


def intent(
    *,
    examples: Iterable[str] = (),
    keywords: Iterable[str] = (),
    followups: Iterable[str] = (),
    effect: Effect = "read",
    confirm: str = "",
    priority: int = 0,
    timeout: float = 30.0,
    retries: int | None = None,
    cache_seconds: int = 0,
    personal: bool = True,
    internal: bool = False,
) -> Callable[[Handler], Handler]:
    """Make a method an intent.

    ``examples`` are English utterances with ``{slot}`` marks; an intent without any is
    never routed to, only emitted. ``followups`` are utterances that mean this intent only
    when the conversation is about something of this skill. ``confirm`` is the question before
    a ``send``, with ``{slot}`` marks; default: the intent and all its values. ``priority`` is
    0 (interactive) to 9 (background), ``timeout`` in seconds. ``cache_seconds`` is how long the
    reply of a ``read`` may be given again to who asks the same (``Skill.depends``, ``ctx.lasts``);
    not ``personal``: to any user with the same settings. ``retries`` is how often a retryable
    error is tried again; default: 3, but 0 for a ``read``, since nobody waits for an answer
    that comes an hour later. ``internal``: only emitted or noticed, and no router is even told
    that there is such an intent.
    """
    if cache_seconds and effect != "read":
        raise ValueError("cache_seconds: only what a read says may be given again")
    if retries is None:
        retries = 0 if effect == "read" else 3
    declaration = _Declaration(
        tuple(examples),
        tuple(keywords),
        effect,
        confirm,
        priority,
        timeout,
        retries,
        cache_seconds,
        personal,
        tuple(followups),
        internal,
    )

    def mark(handler: Handler) -> Handler:
        setattr(handler, _MARK, declaration)
        return handler

    return mark


class Skill:
    """A plugin's base class: subclass it, name it in the entry-point group ``wlm.skills``."""

    name: ClassVar[str] = ""
    """Lower-case identifier; default: the class name in lower case."""

    tables: ClassVar[MetaData | None] = None
    """The skill's own SQL tables; names start with the skill's, each has an ``owner`` column."""

    migrations: ClassVar[str] = "migrations"
    """Folder beside the module with Alembic revisions ``0001_slug.py``, ``0002_…``."""

    to_model: ClassVar[ToModel | None] = None
    """What of its texts a language model is given to sum up (``Context.summarise``), if any."""

    class Settings(BaseModel):
        """The skill's settings; overridden by the skill."""

        model_config = ConfigDict(defer_build=True)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" not in cls.__dict__:
            cls.name = cls.__name__.lower()

    def vocabulary(self, ctx: Context) -> Mapping[str, Iterable[str]]:
        """Names the recogniser and the slot filler should know, by slot kind or slot name."""
        return {}

    def resolve(self, ctx: Context, kind: str, text: str) -> list[Any]:
        """Candidates for a ``person`` or ``place`` said as ``text``, best first; [] if not mine."""
        return []

    def outcome(
        self, ctx: Context, intent: str, slots: Mapping[str, Any]
    ) -> Reply | Literal[False] | None:
        """Whether a ``send`` of this event that was broken off was done; asked before another.

        ``intent`` is the handler's name, ``slots`` its arguments, ``ctx.event_id`` that of
        the try before. A ``Reply`` says it was done (the event succeeds with it), ``False``
        that it certainly was not (it is sent again), ``None`` that it cannot be told (the
        user is asked).
        """
        return None

    def proposal(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Proposal | None:
        """What exactly a ``send`` will do; asked for before the user's yes.

        ``intent`` is the handler's name, ``slots`` its arguments. May look things up,
        ``ctx.ask`` and raise as a handler does, and change nothing. What it settles (which
        mail, which address) are the handler's arguments after the yes. ``None``: the
        intent's ``confirm`` is asked.
        """
        return None

    def depends(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> JsonValue:
        """What the reply of an intent with ``cache_seconds`` depends on, beside its slots (JSON
        form), the settings, the language, the zone and the day: with the same of all these it
        is given again. Default: the conversation's memory. A skill that answers from its own
        tables says here what of them counts. Must cost less than the handler.
        """
        return dict(ctx.memory)

    def watches(self, ctx: Context) -> bool:
        """Whether ``watch`` has something to do for this user: whether it is turned on, and set."""
        return False

    def watch(self, ctx: Context, mark: JsonValue) -> Iterator[Noticed | None]:
        """Look out for something until it cannot be looked at any more; run by `wlm worker`.

        ``mark`` is that of the last ``Noticed``, or ``None``. Yields what was noticed, and
        ``None`` at least once in two seconds while there is nothing, so that it can be ended.
        One that ends or raises is begun anew after a while. ``ctx`` is one for a look.
        """
        return iter(())

    def commands(self, context: Callable[[], Context]) -> Typer | None:
        """The skill's own commands, reached as ``wlm NAME …``; ``context`` makes a context."""
        return None

    @classmethod
    def folder(cls) -> Path:
        """Where the skill's module lies."""
        file = getattr(sys.modules[cls.__module__], "__file__", None)
        return Path(file or os.devnull).parent

    @classmethod
    def intents(cls) -> dict[str, IntentSpec]:
        """The intents by full name, in order of declaration.

        Raises ``TypeError`` or ``ValueError`` naming the handler whose declaration is wrong.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_]*", cls.name):
            raise ValueError(f"{cls.__name__}: {cls.name!r} is no skill name (a-z, 0-9, _)")
        if cls.to_model is not None:
            cls.to_model.check(cls.Settings)
        phrases = _read_phrases(cls.folder() / "phrases")
        specs: dict[str, IntentSpec] = {}
        for base in reversed(cls.__mro__):
            for method, handler in vars(base).items():
                if hasattr(handler, _MARK):
                    spec = _spec(cls, method, getattr(cls, method), phrases)
                    specs[spec.name] = spec
        unknown = {name for table in phrases.values() for name in table} - {
            spec.method for spec in specs.values()
        }
        if unknown:
            raise ValueError(f"{cls.__name__}: phrases for unknown intents {sorted(unknown)}")
        return specs


def can_look(registry: Registry, name: str) -> bool:
    """Whether that skill is there and can tell what came of a ``send`` (``outcome``)."""
    loaded = registry.skills.get(name)
    return loaded is not None and type(loaded.skill).outcome is not Skill.outcome


def _spec(
    cls: type[Skill],
    method: str,
    handler: Callable[..., Reply],
    phrases: Mapping[str, Mapping[str, Phrases]],
) -> IntentSpec:
    declared: _Declaration = getattr(handler, _MARK)
    owner = f"{cls.__name__}.{method}"
    hints = typing.get_type_hints(handler, include_extras=True)
    parameters = list(inspect.signature(handler).parameters.values())[2:]  # self, ctx
    slots = tuple(slot_spec(owner, p, hints.get(p.name, str)) for p in parameters)
    by_language = {lang: table.get(method, Phrases()) for lang, table in phrases.items()}
    english = by_language.get("en", Phrases())
    by_language["en"] = Phrases(
        tuple(dict.fromkeys((*declared.examples, *english.examples))),
        tuple(dict.fromkeys((*declared.keywords, *english.keywords))),
        tuple(dict.fromkeys((*declared.followups, *english.followups))),
    )
    _check_marks(owner, by_language, {slot.name for slot in slots})
    return IntentSpec(
        name=f"{cls.name}.{method}",
        skill=cls.name,
        method=method,
        help=inspect.getdoc(handler) or "",
        effect=declared.effect,
        slots=slots,
        phrases=by_language,
        confirm=declared.confirm,
        priority=declared.priority,
        timeout=declared.timeout,
        retries=declared.retries,
        cache_seconds=declared.cache_seconds,
        personal=declared.personal,
        internal=declared.internal,
    )


def _check_marks(owner: str, phrases: Mapping[str, Phrases], names: set[str]) -> None:
    for table in phrases.values():
        examples = (*table.examples, *table.followups)
        if unknown := set(_SLOT_MARK.findall("\n".join(examples))) - names:
            wrong = next(e for e in examples if unknown.intersection(_SLOT_MARK.findall(e)))
            raise ValueError(f"{owner}: example {wrong!r} marks unknown slots {unknown}")


def _read_phrases(folder: Path) -> dict[str, dict[str, Phrases]]:
    """The phrases by language and method. Plain lines, since TOML takes a tenth of a start."""
    found: dict[str, dict[str, Phrases]] = {}
    for path in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
        found[path.stem] = _parse_phrases(path.read_text("utf-8").splitlines(), path.name)
    return found


def _parse_phrases(lines: Iterable[str], file: str) -> dict[str, Phrases]:
    tables: dict[str, _Table] = {}
    table: _Table | None = None
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        first = line[:1]
        if table is not None and first not in _SPECIAL:  # nearly all of them
            table.examples.append(line)
        elif not line or first == "#":
            continue
        elif first == "[" and line.endswith("]"):
            table = tables.setdefault(line[1:-1].strip(), _Table([], [], [], {}))
        elif table is None:
            raise ValueError(f"{file}, line {number}: a phrase before the first [intent]")
        elif line.startswith(_KEYWORDS):
            table.keywords.extend(_listed(line.removeprefix(_KEYWORDS)))
        elif line.startswith(_FOLLOWS):
            table.followups.append(line.removeprefix(_FOLLOWS).strip())
        elif match := _WORDS.fullmatch(line):
            table.words.setdefault(match["slot"], {})[match["choice"]] = _listed(match["words"])
        else:
            table.examples.append(line)
    return {
        name: Phrases(tuple(t.examples), tuple(t.keywords), tuple(t.followups), t.words)
        for name, t in tables.items()
    }


class _Table(NamedTuple):
    """What a phrases file says of one intent, while it is read."""

    examples: list[str]
    keywords: list[str]
    followups: list[str]
    words: dict[str, dict[str, tuple[str, ...]]]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
