"""An incident of an invented system, small enough to be reasoned about in milliseconds.

Nodes write to disks, a keeper hears their beats. From the fifth look on the disk of node 2 is slow; a look later its
queue grows, another look later its writes are slow, which is when somebody is alarmed. Every text that such a system
could have written itself can be replaced (:class:`Texts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from operator_core.actions import RiskClass
from operator_core.claims import Comparison
from operator_core.components import CLUSTER, Address, Component, ComponentRef, Kind, RedundancyGroup, Role
from operator_core.errors import ConfigurationError
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.knowledge import (
    DO_NOTHING,
    ComponentKind,
    Expectation,
    FailureMode,
    Knowledge,
    ModeName,
    OptionName,
    OptionTemplate,
    PathStep,
    Sign,
    SignName,
    Test,
)
from operator_core.ports import Case, Probe, ProbeParameter
from operator_core.readings import (
    Cause,
    ClusterName,
    Observation,
    Reading,
    ReadingId,
    SignalName,
    SourceLook,
    Unit,
    Unseen,
    Value,
)
from operator_core.signals import Signal, SignalKind
from operator_core.tickets import Ticket, TicketId, TicketState, Violation

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=10)
LOOKS = 12
SLOW_DISK, LONG_QUEUE, SLOW_WRITES = 5, 6, 7
"""The looks in which each is first seen."""
NODE, KEEPER = Kind("node"), Kind("keeper")
NODES = tuple(ComponentRef(NODE, str(n)) for n in range(1, 5))
THE_KEEPER = ComponentRef(KEEPER, "a")
SICK = NODES[1]

UNITS = {"disk_wait": "s", "queue": "1", "write_p99": "s", "heat": "1", "free": "bytes", "heard_after": "s"}
STATES = ("door", "banner", "first_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What the system says of itself, wherever it may say anything."""

    version: str = "8.1.0"
    banner: str = "ready"
    first_key: str = "7480000000000000FF5F728000000000FF0000010000000000FA"
    role: str = "writer"
    address: str = "10.1.0.2:7000"
    group: str = "the quorum of nodes"
    title: str = "writes of node 2 are slow"
    because: str = "write_p99 is above 0.1"
    detail: str = "connection reset by peer"
    source: str = "metrics of node 3"
    log: str = "slow append, took 730ms"

    @classmethod
    def all(cls, text: str) -> Texts:
        """The same text everywhere."""
        return cls(**dict.fromkeys(cls.__dataclass_fields__, text))


def signal(name: str) -> Signal:
    """A signal of the system by its name."""
    return next(s for s in SIGNALS if s.name == name)


def _signal(name: str, about: Kind = NODE, toward: str | None = None) -> Signal:
    unit = UNITS.get(name, "state")
    return Signal(
        name=SignalName(name),
        unit=Unit(unit),
        kind=SignalKind.STATE if unit == "state" else SignalKind.GAUGE,
        about=about,
        describes=f"What {name} says.",
        toward=toward,
    )


SIGNALS = (
    *(_signal(name) for name in (*UNITS, *STATES) if name not in ("free", "heard_after")),
    _signal("free", CLUSTER.kind),
    _signal("heard_after", NODE, "peer"),
    _signal("log"),
)


def _sign(name: str, measured: str, above: float, says: str, says_not: str) -> Sign:
    test = Test(signal=SignalName(measured), comparison=Comparison.ABOVE, value=above)
    return Sign(name=SignName(name), about=NODE, says=says, says_not=says_not, condition=test)


SIGNS = (
    _sign("slow-disk", "disk_wait", 0.05, "the disk of {it} is slow", "the disk of {it} is fast"),
    _sign("long-queue", "queue", 50, "the queue of {it} is long", "the queue of {it} is short"),
    _sign("slow-writes", "write_p99", 0.1, "writes of {it} are slow", "writes of {it} are fast"),
    _sign("hot", "heat", 80, "{it} is hot", "{it} is cool"),
)


def _option(name: str, risk: RiskClass, *, is_action: bool = True, takes_away: bool = False) -> OptionTemplate:
    return OptionTemplate(
        name=OptionName(name),
        does=f"{name} {{it}}" if is_action else name,
        gains=f"{name} helps",
        costs=f"{name} takes time",
        risk=risk,
        unless=f"there is something better than {name}",
        takes_away=takes_away,
        is_action=is_action,
    )


NOTHING = _option(DO_NOTHING, RiskClass.SAFE, is_action=False)
LOOK = _option("look-closer", RiskClass.SAFE, is_action=False)
MOVE = _option("move-work", RiskClass.LOW)
RESTART = _option("restart", RiskClass.MEDIUM, takes_away=True)
WIPE = _option("wipe", RiskClass.HUMAN_ONLY, takes_away=True)


def _mode(name: str, expects: Mapping[str, float], options: tuple[OptionTemplate, ...], *path: str) -> FailureMode:
    return FailureMode(
        name=ModeName(name),
        title=name.replace("-", " "),
        about=NODE,
        summary=f"{{it}} has a {name.replace('-', ' ')}",
        mechanism="As it does in toys.",
        expects=tuple(Expectation(sign=SignName(s), probability=p) for s, p in expects.items()),
        path=tuple(PathStep(says=f"step {s}", sign=SignName(s)) for s in path),
        options=options,
        dont=("wipe anything",),
    )


KNOWLEDGE = Knowledge(
    version="toy-1",
    kinds=(ComponentKind(kind=NODE, title="node"), ComponentKind(kind=KEEPER, title="keeper")),
    signals=SIGNALS,
    invariants=(),
    signs=SIGNS,
    modes=(
        _mode(
            "slow-disk",
            {"slow-disk": 0.95, "long-queue": 0.9, "slow-writes": 0.9, "hot": 0.1},
            (MOVE, RESTART, LOOK, NOTHING),
            *("slow-disk", "long-queue", "slow-writes"),
        ),
        _mode("overheated", {"hot": 0.95, "slow-writes": 0.5}, (RESTART, WIPE, NOTHING), "hot", "slow-writes"),
    ),
    unknown=(LOOK, NOTHING),
)


def _value(name: str, ref: ComponentRef, number: int, texts: Texts) -> Value:
    n, sick = int(ref.id), ref == SICK
    match name:
        case "disk_wait":
            return 0.73 + number / 100 if sick and number >= SLOW_DISK else 0.002 * n + number / 10_000
        case "queue":
            return 90.0 + 10 * number if sick and number >= LONG_QUEUE else 3.0 + n
        case "write_p99":
            return 0.91 + number / 50 if sick and number >= SLOW_WRITES else 0.011 * n + number / 9_000
        case "heat":
            return 40.0 + n + number / 4
        case "banner":
            return texts.banner
        case "first_key":
            return texts.first_key
        case _:
            return "answered"


def look(number: int, texts: Texts) -> Observation:
    """What is seen in one look; looks are numbered from 1."""
    at = T0 + number * STEP
    readings: list[Reading] = []

    def read(name: str, ref: ComponentRef, value: Value, toward: ComponentRef | None = None) -> None:
        readings.append(
            Reading(
                id=ReadingId(f"o{number}.{len(readings) + 1}"),
                component=ref,
                signal=SignalName(name),
                value=value,
                unit=signal(name).unit,
                at=at + timedelta(milliseconds=len(readings)),
                source=f"GET /{name}",
                toward=toward,
            )
        )

    for ref in NODES:
        for name in ("disk_wait", "queue", "write_p99", "heat", *STATES):
            if not (ref == NODES[2] and name == "heat"):
                read(name, ref, _value(name, ref, number, texts))
        for other in NODES:
            if other != ref:
                read("heard_after", ref, 0.001 * int(ref.id) + 0.01 * int(other.id) + number / 1e5, other)
    read("free", CLUSTER, 5.0e11 - number * 1e9)
    unseen = Unseen(
        component=NODES[2],
        signal=SignalName("heat"),
        cause=Cause.REFUSED,
        detail=texts.detail,
        at=at,
        source=texts.source,
    )
    nodes = tuple(
        Component(
            ref=ref,
            addresses={"client": Address(texts.address if ref == SICK else f"10.1.0.{ref.id}:7000")},
            roles=frozenset({Role(texts.role)}),
            version=texts.version,
        )
        for ref in NODES
    )
    return Observation(
        cluster=ClusterName("toys"),
        number=number,
        at=at,
        components=(*nodes, Component(ref=THE_KEEPER), Component(ref=CLUSTER)),
        groups=(RedundancyGroup(name=texts.group, members=NODES, needed=2),),
        readings=tuple(readings),
        unseens=(unseen,),
        sources=(SourceLook(source="keeper", component=THE_KEEPER, required=True),),
    )


def incident(texts: Texts | None = None) -> Case:
    """The case as a diagnoser is given it, with its ticket."""
    said = texts or Texts()
    observations = tuple(look(n, said) for n in range(1, LOOKS + 1))
    alarmed = observations[SLOW_WRITES - 1]
    violation = Violation(
        key=JudgementKey(invariant=InvariantName("writes-are-fast"), component=SICK),
        since=alarmed.at,
        opened_at=alarmed.at + STEP,
        because=said.because,
        severity=Severity.CRITICAL,
        concern=Concern.SUBJECT,
        readings=tuple(r.id for r in alarmed.readings if r.signal == "write_p99" and r.component == SICK),
    )
    ticket = Ticket(
        id=TicketId(7),
        cluster=ClusterName("toys"),
        state=TicketState.OPEN,
        title=said.title,
        component=SICK,
        severity=Severity.CRITICAL,
        concern=Concern.SUBJECT,
        opened_at=violation.opened_at,
        violations=(violation,),
    )
    return Case(
        cluster=ClusterName("toys"),
        at=observations[-1].at,
        observations=observations,
        knowledge=KNOWLEDGE,
        trouble_since=alarmed.at,
        ticket=ticket,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyProbe:
    """A question by its name and parameters; :class:`ToyProber` answers it."""

    name: str
    describes: str
    parameters: tuple[ProbeParameter, ...]

    async def ask(self, arguments: Mapping[str, str], *, number: int) -> tuple[Reading | Unseen, ...]:
        raise ConfigurationError(f"{self.name} is put through the prober: {dict(arguments)}, {number}")


_OF = ProbeParameter(name="component", describes="kind/id of a node")


@dataclass(slots=True)
class ToyProber:
    """Answers from the incident; keeps what was asked, and counts its readings from ``p1.1``.

    Attributes:
        fails: raised in place of an answer.
    """

    texts: Texts = field(default_factory=Texts)
    fails: Exception | None = None
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list[tuple[str, Mapping[str, str]]])

    @property
    def probes(self) -> Sequence[Probe]:
        return (
            ToyProbe(name="disk-now", describes="How long the disk of a node lets wait.", parameters=(_OF,)),
            ToyProbe(name="log-tail", describes="The last lines of a node's log.", parameters=(_OF,)),
        )

    async def ask(self, name: str, arguments: Mapping[str, str]) -> tuple[Reading | Unseen, ...]:
        self.asked.append((name, arguments))
        if self.fails is not None:
            raise self.fails
        wanted = {n.key: n for n in NODES}.get(arguments.get("component", ""))
        if name not in {p.name for p in self.probes} or wanted is None:
            raise ConfigurationError(f"{name} of {arguments} cannot be asked, /etc/toys/secret.toml says so")
        at = T0 + (LOOKS + len(self.asked)) * STEP
        values: list[tuple[str, Value]] = (
            [("disk_wait", 0.85 if wanted == SICK else 0.004)] if name == "disk-now" else [("log", self.texts.log)]
        )
        return tuple(
            Reading(
                id=ReadingId(f"p{len(self.asked)}.{n}"),
                component=wanted,
                signal=SignalName(measured),
                value=value,
                unit=signal(measured).unit,
                at=at,
                source=f"probe {name}",
            )
            for n, (measured, value) in enumerate(values, 1)
        )
