"""Where tokens and client secrets may be sent."""

from __future__ import annotations

import pytest

from wlm.errors import BadSetting
from wlm.plugins.grants import for_secrets


@pytest.mark.parametrize(
    "url", ["https://id.example/token", "http://127.0.0.1:99", "http://[::1]/"]
)
def test_secrets_go_over_https_or_stay_here(url: str) -> None:
    assert for_secrets(url) == url


@pytest.mark.parametrize("url", ["http://id.example", "https://", "https://[", "file:///x", ""])
def test_secrets_go_nowhere_else(url: str) -> None:
    with pytest.raises(BadSetting):
        for_secrets(url)
