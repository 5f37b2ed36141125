"""The settings table: every setting once, with its default, its type and its help.

Order: flag > environment > file > default. ``WLM_HOME`` moves configuration, data and
cache together. `wlm config`, the reference page and `.env.example` are made from the
fields of ``Config``. A skill's own settings live under ``[skills.NAME]`` in the same file
and in ``WLM_SKILL_NAME__FIELD``; the skill declares them, this module only carries them.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, create_model

from wlm.errors import BadSetting, StorageFault

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "WLM_"
SKILL_PREFIX = "WLM_SKILL_"
SECRET: dict[str, JsonValue] = {"secret": True}


class Paths(NamedTuple):
    """Where things lie. All three are below ``WLM_HOME`` when that is set."""

    config: Path
    data: Path
    cache: Path

    @property
    def config_file(self) -> Path:
        """The settings file; it need not exist."""
        return self.config / "config.toml"

    @property
    def profiles_file(self) -> Path:
        """Which gateway each profile is signed in to; it need not exist."""
        return self.config / "profiles.toml"


class Config(BaseModel):
    """Every setting of WLM. The name in the environment is ``WLM_`` and the upper-case name."""

    # The validator of all fields is built when it is first needed: that takes a twentieth of a
    # short command, which checks only what is given (``_checked``).
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    master_key: str = Field(
        "",
        description="Key that wraps the users' keys, 32 bytes in base64; "
        "empty: one is made and kept in the keyring or a 0600 file.",
        json_schema_extra=SECRET,
    )
    key_service: str = Field(
        "", description="Plugin's key service that keeps the master key wrapped; empty: none."
    )
    queue_url: str = Field("", description="redis://… for many machines; empty: embedded.")
    reuse_answers: Literal["auto", "local", "never"] = Field(
        "auto",
        description="Give again what a skill says still holds: auto (kept in Redis where "
        "queue_url names it, else in each process), local (in each process), never.",
    )
    language: str = Field("en", description="Language of requests and replies (en, de, es).")
    timezone: str = Field("", description="IANA zone, such as Europe/Berlin; empty: the system's.")
    plugins: str = Field(
        "", description="Load only these plugins, by name with commas; - for none; empty: all."
    )
    offline: bool = Field(False, description="Never reach for the network.")

    stt_engine: str = Field("faster-whisper", description="Engine that transcribes.")
    stt_model: str = Field(
        "auto", description="tiny.en, base, a folder, or auto: tiny.en for English, else base."
    )
    stt_language: str = Field(
        "", description="Language that is spoken, or auto to detect it; empty: that of language."
    )
    stt_url: str = Field(
        "", description="Transcriber elsewhere: https://host/v1 or unix:/path; empty: here."
    )
    stt_api_key: str = Field("", description="Key for it.", json_schema_extra=SECRET)
    stt_short_context: bool = Field(
        True, description="Encode short clips with a short context (faster, same words)."
    )
    stt_vocabulary: bool = Field(
        True, description="Tell the recogniser the skills' names, hearing again keywords too."
    )
    stt_hear_again: bool = Field(
        True, description="Hear what led to nothing sure again, by the largest model (if auto)."
    )
    max_audio_seconds: float = Field(
        7200.0, gt=0, description="Longest recording that is accepted, in seconds."
    )
    max_audio_bytes: int = Field(
        500_000_000, gt=0, description="Largest recording that is accepted, in bytes."
    )
    keep_recordings: bool = Field(False, description="Keep what was recorded with the turn.")
    end_silence_ms: int = Field(
        500, ge=100, description="Silence that ends a spoken request, in milliseconds."
    )

    worker_threads: int = Field(
        4, ge=1, le=256, description="How many events one worker process runs at once."
    )
    user_limit: int = Field(
        8, ge=0, description="Events of one user that run at once, over all workers; 0: any."
    )
    skill_limit: int = Field(
        16, ge=0, description="Events of one skill that run at once, over all workers; 0: any."
    )
    provider_limit: int = Field(
        8,
        ge=0,
        description="Calls to one provider of all users at once, over all workers; 0: any.",
    )
    drain_seconds: float = Field(
        20.0, ge=0, description="How long a worker that is told to stop finishes what it runs."
    )
    worker_memory_mb: int = Field(
        2048, ge=0, description="Memory of a worker process, in megabytes; 0: no bound."
    )

    router: Literal["local", "cascade", "llm"] = Field(
        "local", description="Who decides: local, llm, or cascade (llm where local is unsure)."
    )
    llm_base_url: str = Field("", description="OpenAI-compatible endpoint; empty: none.")
    llm_api_key: str = Field("", description="Key for it.", json_schema_extra=SECRET)
    llm_model: str = Field("", description="Model name at that endpoint.")
    llm_timeout: float = Field(
        3.0, gt=0, le=60, description="Seconds after which the local router's answer stands."
    )
    llm_margin: float = Field(
        0.75,
        ge=0,
        le=1,
        description="Cascade: ask where the local router is ahead by less (probability).",
    )
    llm_context: Literal["none", "intents", "texts"] = Field(
        "intents",
        description="What the model is told of the conversation: its intents and slot names, "
        "also what you said, or nothing.",
    )
    llm_protocol: Literal["auto", "tools", "json_schema", "json_object"] = Field(
        "auto", description="How the model is asked for structure; auto finds out."
    )
    llm_summaries: bool = Field(True, description="Whether skills may have it sum up texts.")
    llm_summary_seconds: float = Field(
        10.0, gt=0, le=60, description="Seconds after which a skill goes without the summary."
    )
    llm_calls_per_day: int = Field(2000, ge=0, description="Most calls a day, for each user.")
    llm_tokens_per_day: int = Field(
        5_000_000, ge=0, description="Most prompt and answer tokens a day, for each user."
    )
    llm_price_in: float = Field(0.0, ge=0, description="Price of a million prompt tokens.")
    llm_price_out: float = Field(0.0, ge=0, description="Price of a million answer tokens.")

    confirm: Literal["send", "write", "never"] = Field(
        "send", description="Effects that need a yes first: send, or write and send."
    )
    conversation_minutes: float = Field(
        10.0, ge=0, description="How long the last conversation stays open for follow-ups."
    )
    undo_minutes: float = Field(
        10.0, ge=0, description="How long what was written can be undone; 0: not at all."
    )

    schedule_catch_up_hours: float = Field(
        12.0, ge=0, description="How late a schedule still fires after a time without WLM."
    )
    notify: str = Field(
        "terminal",
        description="Where what is done on its own is told: terminal, desktop, email; with commas.",
        pattern=r"^ *((terminal|desktop|email) *(, *|$))*$",
    )
    notify_address: str = Field(
        "", description="Your e-mail address, for what is told by e-mail.", max_length=254
    )
    keep_events_days: int = Field(
        365, ge=0, description="How long what has ended is kept, in days; 0: for ever."
    )
    keep_turns_days: int = Field(
        0, ge=0, description="How long what was said and answered is kept, in days; 0: for ever."
    )
    keep_recordings_days: int = Field(
        0, ge=0, description="How long a recording is kept, in days; 0: as long as its turn."
    )

    profile: str = Field(
        "default", pattern=r"^[\w-]{1,32}$", description="Which sign-in of `wlm login` to use."
    )
    api_key: str = Field(
        "", description="Key for the gateway, instead of a sign-in.", json_schema_extra=SECRET
    )
    bind: str = Field(
        "127.0.0.1:8765", description="Where `wlm serve` listens: host:port, or unix:/path."
    )
    web_workers: int = Field(
        1, ge=1, le=64, description="Web processes of `wlm serve`; each serves many at once."
    )
    web_threads: int = Field(
        64, ge=4, le=1024, description="Requests that a web process can have open at a time."
    )
    web_work: int = Field(
        0, ge=0, le=256, description="Of them, how many run a skill at a time; 0: one a core."
    )
    web_waiting: int = Field(
        32, ge=0, le=1024, description="How many more wait for their turn; past that: 503."
    )
    web_kept_mb: int = Field(
        16, ge=0, le=4096, description="Megabytes of answers that a web process keeps; 0: none."
    )
    web_streams: int = Field(
        16, ge=0, le=512, description="Event streams and live audio that a process keeps open."
    )
    trusted_proxies: int = Field(
        0, ge=0, le=8, description="Proxies in front whose X-Forwarded headers are believed."
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may call the gateway from a browser, such as "
        "https://app.example.org, with commas; empty: none but its own.",
    )
    shared_skills: str = Field(
        "",
        description="Skills whose settings on this host, accounts and passwords included, hold for "
        "all users of the gateway: SKILL or SKILL.FIELD, with commas. Else each has their own.",
    )
    skill_networks: str = Field(
        "",
        description="Networks (CIDR, with commas) that users' own settings of skills may lead to, "
        "beside the public internet, such as 192.168.1.0/24.",
    )
    rate_limit: str = Field("600/minute", description="Requests of one user; empty: no limit.")
    rate_limit_address: str = Field(
        "1200/minute", description="Requests from one address; empty: no limit."
    )
    rate_limit_sign_in: str = Field(
        "20/minute",
        description="Bad credentials, and sign-ins begun, from one address; empty: no limit.",
    )
    server_url: str = Field("", description="Gateway to talk to; empty: work in this process.")
    google_client_id: str = Field(
        "", description="OAuth client of the gateway, or of `wlm connect google`."
    )
    google_client_secret: str = Field("", description="Its secret.", json_schema_extra=SECRET)
    google_issuer: str = Field(
        "https://accounts.google.com", description="OpenID Connect issuer for sign-in."
    )
    microsoft_client_id: str = Field("", description="OAuth client of `wlm connect microsoft`.")
    microsoft_issuer: str = Field(
        "https://login.microsoftonline.com/common/v2.0",
        description="OpenID Connect issuer of `wlm connect microsoft`.",
    )
    sign_in_domains: str = Field(
        "", description="Who has a verified address in these domains may sign in; with commas."
    )
    sign_in_emails: str = Field(
        "", description="Who has one of these verified addresses may sign in; with commas."
    )
    public_url: str = Field(
        "", description="Where people reach this gateway, such as https://wlm.example.org."
    )
    otlp_endpoint: str = Field(
        "", description="Where traces of gateway and workers go (OTLP over HTTP); empty: nowhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="What goes to the log on stderr."
    )

    @property
    def notify_channels(self) -> list[str]:
        """The channels that ``notify`` names."""
        return [name for part in self.notify.split(",") if (name := part.strip().lower())]

    @property
    def spoken(self) -> str:
        """The language to transcribe: ISO 639-1, or auto."""
        return self.stt_language or self.language


class Settings(NamedTuple):
    """What a run works with: the values, where they came from, the folders, the skills' raw ones.

    ``sources`` maps a setting's name to ``flag``, ``environment``, ``file``, ``login`` (what
    `wlm login` settled) or ``default``.
    ``skills`` maps a skill's name to its raw values (environment over file).
    """

    config: Config
    sources: dict[str, str]
    paths: Paths
    skills: dict[str, dict[str, Any]]

    @property
    def database_url(self) -> str:
        """The database in force: the setting, or SQLite in the data folder."""
        return self.config.database_url or f"sqlite:///{self.paths.data / 'wlm.db'}"

    @property
    def zone(self) -> ZoneInfo:
        """The user's time zone: the setting, or the system's. Raises ``BadSetting``."""
        name = self.config.timezone
        if not name:
            from tzlocal import get_localzone_name

            name = get_localzone_name() or "UTC"
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise BadSetting(
                f"Setting 'timezone': {name!r} is no IANA time zone.",
                hint="Set one such as Europe/Berlin: `wlm config set timezone Europe/Berlin`.",
            ) from None


def find_paths(environ: Mapping[str, str] | None = None) -> Paths:
    """The folders in force. Nothing is created."""
    environ = os.environ if environ is None else environ
    if home := environ.get("WLM_HOME"):
        root = Path(home).expanduser().absolute()
        return Paths(root / "config", root / "data", root / "cache")
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("wlm", appauthor=False)
    return Paths(dirs.user_config_path, dirs.user_data_path, dirs.user_cache_path)


def load(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read settings in their order. Flags that are ``None`` do not count.

    Raises ``BadSetting`` for broken TOML, an unknown name or a value that does not fit;
    the message names the setting and its source, never a secret's value.
    """
    environ = os.environ if environ is None else environ
    paths = find_paths(environ)
    file_values = read_file(paths.config_file)
    file_skills = file_values.pop("skills", {})
    layers = {
        "file": file_values,
        "environment": _from_environment(environ),
        "flag": {k: v for k, v in (flags or {}).items() if v is not None},
    }
    sources = dict.fromkeys(Config.model_fields, "default")
    if paths.profiles_file.exists():
        layers = {"login": _from_login(paths, layers), **layers}
    merged: dict[str, Any] = {}
    for source, values in layers.items():
        for name, value in values.items():
            if name not in Config.model_fields:
                raise BadSetting(f"Unknown setting {name!r} in the {_where(source, paths)}.")
            merged[name], sources[name] = value, source
    try:
        config = _checked(merged)
    except ValidationError as error:
        raise BadSetting(_explain(error, sources, paths)) from None
    return Settings(config, sources, paths, _skill_values(file_skills, environ))


def _checked(values: dict[str, Any]) -> Config:
    """The settings with these values in them. Only the fields that are given are looked at; the
    defaults fit (a test sees to it). Raises ``pydantic.ValidationError``.
    """
    if not values:
        return Config.model_construct()
    fields = {name: Config.model_fields[name] for name in values}
    given: dict[str, Any] = {name: (field.annotation, field) for name, field in fields.items()}
    checked = create_model("Given", **given).model_validate(values)
    return Config.model_construct(**{name: getattr(checked, name) for name in values})


def read_file(path: Path) -> dict[str, Any]:
    """The settings file as it stands; empty if there is none."""
    try:
        with path.open("rb") as handle:
            return tomllib.load(handle)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"{path} is not valid TOML: {error}.",
            hint="Mend that line, or move the file away to start from the defaults.",
        ) from None
    except OSError as error:
        raise StorageFault(f"{path} cannot be read: {error.strerror}.") from None


def write_setting(path: Path, name: str, value: Any, *, skill: str | None = None) -> None:
    """Set one value in the file (``None`` removes it), keeping the rest and its comments.

    The file is replaced whole or not at all. The caller has checked name and value.
    """
    import tomlkit

    read_file(path)  # a clear error before anything is written
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
        table: Any = document
        if skill is not None:
            for key in ("skills", skill):
                table = table.setdefault(key, tomlkit.table())
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
        temporary = path.with_suffix(".tmp")
        temporary.write_text(tomlkit.dumps(document), "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise StorageFault(f"{path} cannot be written: {error.strerror}.") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """``WLM_*`` values by setting name; ``WLM_HOME`` and skills' own are not settings here."""
    return {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environ.items()
        if key.startswith(PREFIX) and not key.startswith(SKILL_PREFIX) and key != "WLM_HOME"
    }


def _from_login(paths: Paths, layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What `wlm login` settled for the profile in force: the gateway to talk to."""
    chosen = [values["profile"] for values in layers.values() if "profile" in values]
    profile = read_file(paths.profiles_file).get(chosen[-1] if chosen else "default", {})
    return {"server_url": profile["server_url"]} if "server_url" in profile else {}


def _skill_values(
    file_skills: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    values = {name: dict(raw) for name, raw in file_skills.items()}
    for key, value in environ.items():
        skill, mark, field = key.removeprefix(SKILL_PREFIX).partition("__")
        if key.startswith(SKILL_PREFIX) and mark:
            values.setdefault(skill.lower(), {})[field.lower()] = value
    return values


def _where(source: str, paths: Paths) -> str:
    return f"file {paths.config_file}" if source == "file" else source


def _explain(error: ValidationError, sources: Mapping[str, str], paths: Paths) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    return f"Setting {name!r} from the {_where(sources.get(name, '?'), paths)}: {first['msg']}."
