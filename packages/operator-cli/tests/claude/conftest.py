"""A scripted model on loopback that the command is pointed at, and an incident that still lasts."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from messages_replies import Answer
from messages_server import MessagesServer, ScriptedModel, serving_in_a_thread
from messages_shapes import Asked
from operator_core.readings import ClusterName
from operator_core.record import Entry
from operator_ledger import SqlLedger
from scripted_minds import claim, closes, closing, evidence, hypothesis, seen

Api = Callable[..., MessagesServer]
Append = tuple[ClusterName, tuple[Entry, ...], datetime]

_RULES = re.compile(r"([a-z0-9-]+) of (\S+), probability 0\.\d\d")


async def agrees_with_the_rules(asked: Asked) -> Answer:
    """Puts first what the second opinion puts first, and cites what was read."""
    opinion = _RULES.search(asked.text)
    mode, where = (opinion[1], [opinion[2]]) if opinion else ("unknown", [])
    readings = [r for r in seen(asked) if isinstance(r.value, float)]
    first, second = claim(readings[0], "is", readings[0].value), claim(readings[1], "is", readings[1].value)
    options = asked.schema["properties"]["recommended"]["enum"] if asked.schema else ["do-nothing"]
    return closes(
        closing(
            hypothesis(mode, where, 0.8, evidence("it was read so", first, second)),
            summary="It is as it was read.",
            recommended=next(o for o in options if "nothing" in o or "wait" in o),
            because="There is time.",
        )
    )


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """``api(mind)`` starts a server, and sets key and address in the environment; nobody is asked for that alone."""
    with ExitStack() as stack:

        def start(mind: ScriptedModel | Answer = agrees_with_the_rules) -> MessagesServer:
            async def always(_asked: Asked) -> Answer:
                assert not callable(mind)
                return mind

            served = stack.enter_context(serving_in_a_thread(mind if callable(mind) else always))
            monkeypatch.setenv("ANTHROPIC_API_KEY", served.key)
            monkeypatch.setenv("ANTHROPIC_BASE_URL", served.base_url)
            return served

        yield start


@pytest.fixture
def lasting(ledger: Path, appends: list[Append]) -> Path:
    """A ledger with the incident as it was while the store was gone: ticket 1 is open, and nobody has diagnosed it."""
    start = appends[0][2]
    ledger.parent.mkdir(mode=0o700, parents=True)

    async def write() -> None:
        async with await SqlLedger.open(ledger) as opened:
            for cluster, entries, at in appends:
                if at <= start + timedelta(seconds=110):
                    kept = [e for e in entries if type(e).__name__ != "DiagnosisMade"]
                    await opened.append(cluster, kept, at=at)

    asyncio.run(write())
    return ledger


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write a settings file, and have the command read it."""

    def put(text: str) -> None:
        file = tmp_path / "operator.toml"
        file.write_text(text)
        monkeypatch.setenv("OPERATOR_CONFIG", str(file))

    return put
