"""A web process has its router trained by another process, and refuses work until it is there."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.server.conftest import by_header
from tests.support import waiting
from wlm import config
from wlm.errors import EnvironmentFault, RouterTraining, WlmError
from wlm.pipeline.route import local, once, prepare
from wlm.plugins import manager
from wlm.server.app import create_app
from wlm.server.service import Service
from wlm.server.training import Training

until = functools.partial(waiting.until, seconds=120)
FEW = "weather"
QUICK = "de"
"""A language in which one skill's training takes a second."""


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    return config.load({"language": QUICK, "plugins": FEW})


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever trains in this process fails."""

    def never(*_: object) -> None:
        raise AssertionError("the web process trains")

    monkeypatch.setattr(local, "_trained", never)


@pytest.mark.usefixtures("elsewhere")
def test_work_is_refused_until_the_router_is_there(settings: config.Settings) -> None:
    service = Service(settings, train_apart=True)
    app = create_app(settings, service=service, authenticators=[by_header])
    said = {"text": "wie wird das Wetter morgen"}
    with (
        closing(service),
        httpx.Client(
            transport=httpx.WSGITransport(app), base_url="http://test", headers={"X-Caller": "user"}
        ) as http,
    ):
        refused = http.post("/v1/route", json=said)
        assert refused.status_code == 503 and refused.headers["retry-after"] == "2"
        assert refused.json()["code"] == "router_training"
        assert http.get("/readyz").json()["checks"]["router"] == "router_training"
        assert http.get("/v1/skills").status_code == 200, "what needs no router is served"
        answer = until(lambda: http.post("/v1/route", json=said), lambda a: a.status_code != 503)
        assert answer.json()["actions"][0]["intent"] == "weather.forecast"
        ready = until(lambda: http.get("/readyz").json(), lambda r: r["checks"]["router"] == "ok")
        assert ready["checks"]["router"] == "ok"
    with closing(Training(manager.load(FEW), settings)) as again:
        assert again.router().kept == "cache", "once for each host"


@pytest.mark.usefixtures("elsewhere")
def test_training_that_fails_is_told_and_tried_again(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wlm.server.training._LOOK", 0.0)
    monkeypatch.setattr("wlm.server.training._AGAIN", 0.0)
    fails = [sys.executable, "-c", "raise SystemExit(3)"]
    with closing(Training(manager.load(FEW), settings, fails)) as training:
        training.check()  # nobody has asked yet

        def ask() -> WlmError:
            with pytest.raises((RouterTraining, EnvironmentFault)) as raised:
                training.router()
            return raised.value

        assert isinstance(ask(), RouterTraining)
        failed = until(ask, lambda error: isinstance(error, EnvironmentFault))
        assert "3" in failed.message and not failed.retryable
        assert isinstance(ask(), RouterTraining), "it is tried again"
    assert isinstance(ask(), RouterTraining) and training._child is None, "not once it is closed"


def test_what_cannot_be_kept_is_no_success(settings: config.Settings, tmp_path: Path) -> None:
    (tmp_path / "router").write_text("no folder")
    command = prepare.command(QUICK, tmp_path, FEW)
    assert subprocess.run(command, timeout=300).returncode == 1


def test_one_at_a_time_trains(tmp_path: Path) -> None:
    inside, most = 0, 0
    count = threading.Lock()

    def train() -> None:
        nonlocal inside, most
        with once.one_at_a_time(tmp_path):
            with count:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with count:
                inside -= 1

    threads = [threading.Thread(target=train) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
