"""The real SDK against a server on loopback."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from anthropic import AsyncAnthropic
from messages_server import MessagesServer


@pytest.fixture
def client() -> Callable[[MessagesServer], AsyncAnthropic]:
    """``client(server)``: the SDK's own client, which repeats nothing by itself."""

    def make(server: MessagesServer) -> AsyncAnthropic:
        return AsyncAnthropic(api_key=server.key, base_url=server.base_url, max_retries=0, timeout=10)

    return make
