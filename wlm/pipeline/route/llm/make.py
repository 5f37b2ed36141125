"""Make the router that a setting names from the parts that it needs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from wlm.config import Settings
from wlm.errors import BadSetting
from wlm.pipeline.route.interface import Router
from wlm.pipeline.route.llm.ask import Asker
from wlm.pipeline.route.llm.cascade import CascadeRouter, Mode, Price
from wlm.pipeline.route.llm.standing import Standing
from wlm.plugins.llm.endpoint import Endpoint, require_library
from wlm.plugins.llm.ledger import Ledger
from wlm.plugins.skill import IntentSpec
from wlm.store.engine import Store


def make_router(
    mode: Mode,
    local: Router,
    intents: Mapping[str, IntentSpec],
    settings: Settings,
    store: Store,
    clock: Callable[[], datetime],
) -> Router:
    """The local router with a model beside it; offline the local router alone.

    Raises ``BadSetting`` where the endpoint, the model or the client library is missing, and
    where ``llm`` is to decide offline.
    """
    config = settings.config
    if config.offline and mode == "cascade":
        return local
    _require(settings, mode)
    declared = fingerprint(intents, settings)
    kept = settings.paths.cache / "llm" / f"{declared}.json"
    standing = Standing.load(kept)
    if config.llm_protocol != "auto":
        standing.protocol = config.llm_protocol
        standing.called = config.llm_protocol == "tools"
    routable = {name: spec for name, spec in intents.items() if _has_examples(spec)}
    ledger = Ledger(store, clock, calls=config.llm_calls_per_day, tokens=config.llm_tokens_per_day)
    asker = Asker(
        Endpoint(config.llm_base_url, config.llm_api_key, config.llm_model),
        ledger,
        standing,
        routable,
        context=config.llm_context,
        seconds=config.llm_timeout,
    )
    return CascadeRouter(
        local,
        routable,
        asker,
        standing,
        mode=mode,
        model=config.llm_model,
        margin=config.llm_margin,
        price=Price(config.llm_price_in, config.llm_price_out),
        asked_how=f"{declared} {config.llm_context}",
    )


def check(settings: Settings) -> str:
    """Ask the endpoint for a word; what it is and how long that took. Raises ``WlmError``."""
    config = settings.config
    _require(settings, "llm")
    endpoint = Endpoint(config.llm_base_url, config.llm_api_key, config.llm_model)
    start = time.perf_counter()
    said = [{"role": "user", "content": "Say: ready"}]
    endpoint.chat({"messages": said}, max(config.llm_timeout, 10.0))
    spent = time.perf_counter() - start
    late = "" if spent < config.llm_timeout else f", over the limit of {config.llm_timeout:g} s"
    return f"{config.llm_model} answered in {spent:.1f} s{late}"


def _require(settings: Settings, mode: Mode) -> None:
    config = settings.config
    for name in ("llm_base_url", "llm_model"):
        if not getattr(config, name):
            raise BadSetting(
                f"Setting 'router' is {mode!r}, and {name!r} is not set.",
                hint=f"Set WLM_{name.upper()}, or `wlm config set router local`.",
            )
    if not config.llm_base_url.startswith(("http://", "https://")):
        raise BadSetting(
            "Setting 'llm_base_url' is no http or https address.",
            hint="Such as http://127.0.0.1:8080/v1.",
        )
    if config.offline:
        raise BadSetting(
            "Setting 'router' is 'llm', and WLM is set to stay offline.",
            hint="`wlm config set router local` decides offline; cascade does while offline.",
        )
    require_library()


def fingerprint(intents: Mapping[str, IntentSpec], settings: Settings) -> str:
    """A hash of the endpoint, the model, the language and all that the model is told."""
    config = settings.config
    told = [repr(spec.tool_schema()) for spec in intents.values()]
    facts = [config.llm_base_url, config.llm_model, config.language, *told]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:24]


def _has_examples(spec: IntentSpec) -> bool:
    return any(phrases.examples for phrases in spec.phrases.values())
