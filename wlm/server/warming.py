"""What a web process loads before anybody asks."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from wlm.errors import RouterTraining

if TYPE_CHECKING:
    from wlm.server.service import Service

log = logging.getLogger(__name__)


def warm(service: Service, role: str) -> None:
    """Load what the first request would load; what is missing shows in /readyz and in answers."""
    try:
        if role != "transcriber":
            _note_shares(service)
            _load_router(service)
        if not service.settings.config.stt_url:
            service.warm(service.settings.config.language)
    except Exception as error:  # noqa: BLE001 - nobody waits for it
        log.warning("warming up failed (%s)", type(error).__name__)


def _note_shares(service: Service) -> None:
    """Have the audit log say what of the skills' settings this host shares with all users."""
    named = {part.strip() for part in service.settings.config.shared_skills.split(",")} - {""}
    detail = {"skills": sorted(named)} if named else {}
    service.accounts.audit.note("share.host", actor="host", detail=detail)


def _load_router(service: Service) -> None:
    while True:
        try:
            _ = service.understander.router
        except RouterTraining as error:
            time.sleep(error.retry_after or 1)
        else:
            return
