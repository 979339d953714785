"""Scripted models that read what they are sent as a model would, and answer in the shapes that were asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from messages_replies import Answer, Block, Called, Reply, Said, Thought
from messages_shapes import Asked

Json = dict[str, Any]
Mind = Callable[[Asked], Awaitable[Answer]]

_ROW = re.compile(r"^\| (?P<signal>\S+) of (?P<at>\S+)(?: toward (?P<to>\S+))? \[(?P<unit>[^\]]*)\] (?P<row>.+)$")
_SIGHT = re.compile(
    r"^\| (?P<id>[op]\d+\.\d+) (?P<signal>\S+) of (?P<at>\S+)(?: toward (?P<to>\S+))? \[(?P<unit>[^\]]*)\]"
    r" (?P<row>.+) at \S+$"
)
_ENTRY = re.compile(r"(?P<id>[op]\d+\.\d+) (?:“(?P<word>[^”]*)”|(?P<number>[-+.\deinfa]+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A reading as it stands in what was sent."""

    id: str
    signal: str
    component: str
    toward: str
    unit: str
    value: float | str


def seen(asked: Asked) -> list[Seen]:
    """Every reading in what was sent, in its order."""
    found: list[Seen] = []
    for line in asked.text.split("\n"):
        match = _SIGHT.match(line) or _ROW.match(line)
        if match is None:
            continue
        row = f"{match['id']} {match['row']}" if "id" in match.groupdict() else match["row"]
        for entry in _ENTRY.finditer(row):
            value = entry["word"] if entry["number"] is None else float(entry["number"])
            found.append(
                Seen(
                    id=entry["id"],
                    signal=match["signal"],
                    component=match["at"],
                    toward=match["to"] or "",
                    unit=match["unit"],
                    value=value,
                )
            )
    return found


def of(readings: Iterable[Seen], signal: str, component: str) -> list[Seen]:
    """The readings of one signal at one component, in the order of time."""
    return [r for r in readings if r.signal == signal and r.component == component and not r.toward]


def claim(reading: Seen, comparison: str, value: float | str, *more: Seen, **instead: object) -> Json:
    """A claim about a reading, and others of its place; parts of it may be replaced."""
    return {
        "component": reading.component,
        "toward": reading.toward,
        "signal": reading.signal,
        "comparison": comparison,
        "value": value,
        "unit": reading.unit,
        "readings": [reading.id, *(r.id for r in more)],
    } | instead


def evidence(statement: str, *claims: Json, standing: str = "for", sign: str = "", because: str = "") -> Json:
    return {
        "standing": standing,
        "sign": sign,
        "statement": statement,
        "claims": list(claims),
        "missing_because": because,
    }


def hypothesis(mode: str, components: Sequence[str], probability: float, *pieces: Json, unlike: str = "") -> Json:
    return {
        "mode": mode,
        "components": list(components),
        "probability": probability,
        "evidence": list(pieces),
        "unlike_first": unlike,
    }


def step(says: str, cause: Sequence[Json] = (), effect: Sequence[Json] = ()) -> Json:
    return {"says": says, "cause": list(cause), "effect": list(effect)}


def closing(
    *hypotheses: Json,
    path: Sequence[Json] = (),
    summary: str = "The disk of node 2 is slow.",
    recommended: str = "move-work",
    because: str = "It takes the load away.",
) -> Json:
    return {
        "summary": summary,
        "hypotheses": list(hypotheses),
        "path": list(path),
        "recommended": recommended,
        "because": because,
    }


def closes(told: Json | str, *, breaks_schema: bool = False, **more: Any) -> Reply:
    """A last answer."""
    text = told if isinstance(told, str) else json.dumps(told)
    return Reply(blocks=(Thought("That is enough."), Said(text)), breaks_schema=breaks_schema, **more)


def asks(*calls: tuple[str, Mapping[str, object]], **more: Any) -> Reply:
    """An answer that asks for more."""
    blocks: list[Block] = [Thought("Let me see."), *(Called(name, arguments) for name, arguments in calls)]
    return Reply(blocks=blocks, **more)


def good_closing(readings: Sequence[Seen], *, more: Sequence[Json] = (), **instead: Any) -> Json:
    """What a colleague would say of the incident of :mod:`toy_incident`, from the readings alone."""
    sick = next(r.component for r in readings if r.signal == "disk_wait" and r.value > 0.5)  # pyright: ignore[reportOperatorIssue]
    disk, queue, writes = (of(readings, s, sick) for s in ("disk_wait", "queue", "write_p99"))
    slow = claim(disk[-1], "is above", 0.05)
    long, late = claim(queue[-1], "is above", 50), claim(writes[-1], "is above", 0.1)
    grew = (claim(row[0], "rises by at least", by, row[-1]) for row, by in ((disk, 0.5), (queue, 50), (writes, 0.5)))
    disk_grew, queue_grew, writes_grew = grew
    main = hypothesis(
        "slow-disk",
        [sick],
        0.9,
        evidence("its disk lets wait for long", slow, sign="slow-disk"),
        evidence("its queue is long", long, sign="long-queue"),
        evidence("its writes are slow", late, sign="slow-writes"),
        *more,
    )
    return closing(
        main,
        path=[
            step("the slow disk fills the queue", [disk_grew], [queue_grew]),
            step("the long queue makes writes slow", [queue_grew], [writes_grew]),
        ],
    ) | dict(instead)


async def investigates_well(asked: Asked) -> Answer:
    """Asks two things at once, looks at what came, and closes with what holds."""
    if len(asked.messages) == 1:
        return asks(("disk-now", {"component": "node/2"}), ("disk-now", {"component": "node/1"}))
    readings = seen(asked)
    new = [r for r in readings if r.id.startswith("p")]
    checked = [
        evidence("asked again, it still lets wait", claim(r, "is above", 0.5)) for r in new if r.component == "node/2"
    ]
    return closes(good_closing([r for r in readings if r.id.startswith("o")], more=checked))


def in_turn(*answers: Answer | Mind) -> Mind:
    """One after the other, the last again and again; one may be a mind of its own."""

    async def mind(asked: Asked) -> Answer:
        answer = answers[min(asked.number, len(answers) - 1)]
        return await answer(asked) if callable(answer) else answer

    return mind
