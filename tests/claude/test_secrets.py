"""Secrets that a system tells by mistake reach no request, report, recording or bundle; what looks like one does."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from investigating import Held, investigate, outward
from messages_replies import Answer, Failed, Reply
from messages_shapes import Asked
from operator_core.incidents import OpenTicket
from operator_core.ports import Case
from operator_core.record import DiagnosisMade, ObservationKept
from operator_core.tickets import TicketId
from operator_diagnosis.claude import Ended, InvestigationFailed, prompt
from operator_diagnosis.markdown import render_markdown
from operator_diagnosis.terminal import render_terminal
from operator_diagnosis.wire import to_json
from operator_ledger import MemoryLedger
from operator_ledger.bundles import export_incident, write_bundle
from planted_secrets import PLANTED, harmless, planted
from rich.console import Console
from scripted_minds import asks, closes, evidence, good_closing, seen
from toy_incident import Texts, ToyProber, incident

FIELDS = tuple(Texts.__dataclass_fields__)
EACH = 12
Planted = tuple[str, str, str]


def chosen() -> list[Planted]:
    """So many of each kind, spread over the places where they may stand."""
    by_kind: defaultdict[str, list[Planted]] = defaultdict(list)
    for one in planted():
        by_kind[one[0]].append(one)
    return [one for those in by_kind.values() for one in those[:EACH]]


SECRETS = chosen()
ROUNDS = [SECRETS[n : n + len(FIELDS)] for n in range(0, len(SECRETS), len(FIELDS))]


def texts_of(round_: Sequence[Planted]) -> Texts:
    """Each text in another place; what is left over says what it always does."""
    return Texts(**{field: text for field, (_, text, _) in zip(FIELDS, round_, strict=False)})


async def repeats_all(asked: Asked) -> Answer:
    """Asks for the log, and then says everything again that it was told."""
    if asked.number == 0:
        return asks(("log-tail", {"component": "node/2"}))
    lines = [line for line in asked.text.split("\n") if line.startswith("| ")]
    said = " ".join(lines)[:1500]
    told = good_closing(
        [r for r in seen(asked) if r.id.startswith("o")],
        more=[evidence(line[:300], standing="missing", because=line) for line in lines[-40:]],
        summary=said,
        because=said,
    )
    return closes(told)


def pieces(secret: str) -> Iterator[bytes]:
    """Parts of a secret that would tell it."""
    for start in range(0, max(1, len(secret) - 8), max(4, len(secret) // 8)):
        yield secret[start : start + 9].encode()


def asserted_without(secrets: Sequence[str], *places: bytes | str) -> None:
    for place in places:
        text = place if isinstance(place, bytes) else place.encode()
        assert [s for s in secrets for part in pieces(s) if part in text] == []


def reports(held: Held) -> list[str]:
    console = Console(width=100, file=None, record=True, quiet=False, force_terminal=False)
    with console.capture() as captured:
        console.print(render_terminal(held.diagnosis, zone=UTC))
    return [captured.get(), render_markdown(held.diagnosis, zone=UTC), to_json(held.diagnosis)]


async def bundled(case: Case, held: Held, path: Path) -> bytes:
    """What leaves a ledger in which the case and its diagnosis are."""
    ledger = MemoryLedger()
    assert case.ticket is not None
    for observation in case.observations:
        await ledger.append(case.cluster, [ObservationKept(observation=observation)], at=observation.at)
    opened = OpenTicket(cluster=case.cluster, at=case.ticket.opened_at, violations=case.ticket.violations)
    await ledger.append(case.cluster, [opened], at=case.ticket.opened_at)
    diagnosis = replace(held.diagnosis, ticket=1)
    await ledger.append(case.cluster, [DiagnosisMade(diagnosis=diagnosis)], at=case.at)
    bundle = await export_incident(ledger, TicketId(1), versions={}, by="ada", at=case.at)
    await write_bundle(path, bundle)
    return gzip.decompress(await asyncio.to_thread(path.read_bytes))


def test_there_are_enough_secrets_of_enough_kinds() -> None:
    assert len(SECRETS) >= 200
    assert len({kind for kind, _, _ in SECRETS}) >= 15


@pytest.mark.sampled(5)
@pytest.mark.parametrize("n", range(len(ROUNDS)))
async def test_no_secret_is_in_anything_that_is_sent_shown_or_kept(
    n: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts, secrets = texts_of(ROUNDS[n]), [secret for _, _, secret in ROUNDS[n]]
    case = incident(texts)
    held = await investigate(repeats_all, case, prober=ToyProber(texts))
    result = held.result
    assert (result.ended, held.server.refused) == (Ended.CLOSED, [])
    assert all("redacted:" in call.text for call in held.server.calls)
    asserted_without(secrets, *(call.raw for call in held.server.asked))
    asserted_without(secrets, *reports(held), result.because, *held.told, result.recording.to_json())
    asserted_without([*secrets, held.server.key], *(record.getMessage() for record in caplog.records))
    asserted_without([held.server.key], result.recording.to_json(), *reports(held))
    asserted_without(secrets, prompt(case, model="m", probes=ToyProber(texts).probes, outward=outward()))
    asserted_without(secrets, await bundled(case, held, tmp_path / "bundle"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n", range(0, len(ROUNDS), 3))
async def test_no_secret_is_in_what_the_rules_say_instead(n: int) -> None:
    texts, secrets = texts_of(ROUNDS[n]), [secret for _, _, secret in ROUNDS[n]]
    held = await investigate(Reply(blocks=(), stop="refusal"), incident(texts))
    assert held.diagnosis.diagnoser == "rules"
    asserted_without(secrets, *reports(held), held.result.recording.to_json())


@pytest.mark.sampled(4)
@pytest.mark.parametrize("n", range(0, len(SECRETS), 10))
async def test_no_secret_of_the_api_or_of_a_failing_probe_is_in_an_exception(n: int) -> None:
    _, text, secret = SECRETS[n]
    with pytest.raises(InvestigationFailed) as failed:
        await investigate(Failed(status=400, type="invalid_request_error", message=text))
    asserted_without([secret], "".join(traceback.format_exception(failed.value)), str(failed.value))
    held = await investigate(Failed(status=500, type="api_error", message=text))
    asserted_without([secret], held.result.because, *held.told, held.result.recording.to_json(), *reports(held))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("n", range(0, len(SECRETS), 10))
async def test_no_secret_of_a_question_is_sent_or_kept(n: int) -> None:
    _, text, secret = SECRETS[n]

    async def repeats_it(asked: Asked) -> Answer:
        words = next(line for line in asked.text.split("\n") if line.startswith("The question: "))
        return closes({"answer": words, "claims": []})

    held = await investigate(repeats_it, question=f"Does it matter that {text}? I do not know what this is.")
    assert held.answered is not None
    asserted_without([secret], held.answered.says, held.answered.recording.to_json())
    asserted_without([secret], *(call.raw for call in held.server.asked))


async def test_the_key_is_nowhere_but_in_the_header() -> None:
    key = "sk-ant-api03-a-key-that-is-real-0123456789"
    held: list[Held] = []
    with pytest.raises(InvestigationFailed) as failed:
        await investigate(repeats_all, key=key, held=held)
    asserted_without([key], "".join(traceback.format_exception(failed.value)), *held[0].told)
    assert held[0].server.asked[0].headers["authorization"] == f"Bearer {key}"
    asserted_without([key], held[0].server.asked[0].raw)


MAIL = "mail to someone"
"""Addresses of people are no look-alikes: they are a user's data, and masked as such."""
LOOK_ALIKES = [text for text in harmless() if not text.startswith(MAIL)]


def test_what_only_looks_like_a_secret_is_sent_as_it_is() -> None:
    """The figure: of more than 500 harmless look-alikes at least 98 % reach the model as they are."""
    assert len(LOOK_ALIKES) >= 500
    lost: list[str] = []
    for start in range(0, len(LOOK_ALIKES), len(FIELDS)):
        those = LOOK_ALIKES[start : start + len(FIELDS)]
        texts = Texts(**dict(zip(FIELDS, those, strict=False)))
        told = json.loads(prompt(incident(texts), model="m", outward=outward()))["messages"][0]["content"][0]["text"]
        more = outward().fenced(f"{texts.log}\n{texts.detail}", source="what a case does not show")
        words = " ".join(f"{told}\n{more}".replace("\n| ", " ").split())
        lost += [text for text in those if " ".join(text.split()) not in words]
    assert len(lost) <= 0.02 * len(LOOK_ALIKES), lost


def test_every_kind_can_be_planted() -> None:
    assert len(PLANTED) >= 15
