"""Fixtures that every test may use, the skills' own included."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("wlm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wlm")

# No test touches the keyring of whoever runs it; programs that tests start neither. Before
# keyring is first imported, since it chooses then.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"


# Who is started in the background may have been told to ignore Ctrl-C, and so would be every
# program that a test starts and then interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: no setting of this machine reaches the test."""
    for name in [name for name in os.environ if name.startswith("WLM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WLM_HOME", str(tmp_path))
    monkeypatch.setenv("WLM_TIMEZONE", "Europe/Berlin")
    return tmp_path


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: what it needs has to be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NOTHING_SKIPPED") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
