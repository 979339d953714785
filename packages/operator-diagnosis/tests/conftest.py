"""A toy subject: nodes that gossip and write, watched over by an arbiter that hears their beats."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.actions import RiskClass
from operator_core.claims import Comparison
from operator_core.components import CLUSTER, CLUSTER_KIND, Component, ComponentRef, Kind, RedundancyGroup
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.knowledge import (
    DO_NOTHING,
    AllOf,
    AnyOf,
    ComponentKind,
    Condition,
    Expectation,
    FailureMode,
    Knowledge,
    ModeName,
    Of,
    OptionName,
    OptionTemplate,
    PathStep,
    Quantifier,
    Scope,
    Sign,
    SignName,
    Test,
    When,
)
from operator_core.ports import Case
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

T0 = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
STEP = timedelta(seconds=10)
NODE, ARBITER = Kind("node"), Kind("arbiter")

UNITS = {"write_p99": "s", "beat_age": "s", "restarts": "1", "hum": "1", "free": "bytes"}


def _signal(name: str, about: Kind, *, toward: str | None = None) -> Signal:
    unit = UNITS.get(name, "state")
    kind = SignalKind.STATE if unit == "state" else SignalKind.GAUGE
    return Signal(name=SignalName(name), unit=Unit(unit), kind=kind, about=about, describes=f"{name}.", toward=toward)


SIGNALS = (
    _signal("door", NODE),
    _signal("beat_age", NODE),
    _signal("gossip", NODE, toward="peer"),
    _signal("write_p99", NODE),
    _signal("restarts", NODE),
    _signal("hum", NODE),
    _signal("arbiter_heard", NODE),
    _signal("arbiter_door", ARBITER),
    _signal("free", CLUSTER_KIND),
)


def _test(
    signal: str,
    comparison: Comparison,
    value: Value,
    of: Of = Of.SELF,
    quantifier: Quantifier = Quantifier.ALL,
    when: When = When.LATEST,
) -> Test:
    return Test(signal=SignalName(signal), comparison=comparison, value=value, of=of, quantifier=quantifier, when=when)


def _sign(name: str, about: Kind, says: str, says_not: str, condition: Condition, base_rate: float = 0.02) -> Sign:
    return Sign(
        name=SignName(name), about=about, says=says, says_not=says_not, condition=condition, base_rate=base_rate
    )


IS, ABOVE = Comparison.EQUALS, Comparison.ABOVE

SIGNS = (
    _sign("door-refused", NODE, "{it} refuses callers", "{it} does not refuse callers", _test("door", IS, "refused")),
    _sign("door-silent", NODE, "{it} lets callers wait", "{it} does not let callers wait", _test("door", IS, "silent")),
    _sign("beat-lost", NODE, "{it} has no recent beat", "{it} beats", _test("beat_age", ABOVE, 15.0)),
    _sign(
        "gossip-lost",
        NODE,
        "most others do not hear {it}",
        "others hear {it}",
        _test("gossip", IS, "lost", Of.BY_OTHERS, Quantifier.MOST),
    ),
    _sign(
        "slow-writes",
        NODE,
        "{it} alone writes slowly",
        "{it} writes as fast as the others",
        AllOf(
            (
                _test("write_p99", ABOVE, 0.1),
                AnyOf((_test("write_p99", ABOVE, 0.1, Of.OTHERS, Quantifier.NONE), _test("hum", ABOVE, 90.0))),
            )
        ),
    ),
    _sign(
        "restarted",
        NODE,
        "{it} was restarted",
        "{it} was not restarted",
        _test("restarts", Comparison.RISES, 1.0, when=When.ACROSS),
    ),
    _sign("humming", NODE, "{it} hums", "{it} does not hum", _test("hum", ABOVE, 5.0), base_rate=0.03),
    _sign(
        "arbiter-unreached",
        ARBITER,
        "{it} cannot be reached from here",
        "{it} answers",
        _test("arbiter_door", Comparison.DIFFERS, "answered"),
        base_rate=0.01,
    ),
    _sign(
        "arbiter-forsaken",
        CLUSTER_KIND,
        "no node hears the arbiter",
        "nodes hear the arbiter",
        _test("arbiter_heard", IS, "lost", Of.ALL),
        base_rate=0.01,
    ),
)


def _option(
    name: str, risk: RiskClass, *, takes_away: bool = False, is_action: bool = True, unless: str = "it is not needed"
) -> OptionTemplate:
    return OptionTemplate(
        name=OptionName(name),
        does=f"{name.replace('-', ' ')} {{it}}" if is_action else name.replace("-", " "),
        gains=f"{name} brings relief",
        costs=f"{name} takes time",
        risk=risk,
        unless=unless,
        undo=f"un{name}" if is_action else "",
        takes_away=takes_away,
        is_action=is_action,
    )


NOTHING = _option(DO_NOTHING, RiskClass.SAFE, is_action=False, unless="it does not end by itself")
LOOK = _option("look-closer", RiskClass.SAFE, is_action=False, unless="enough has been seen")
RESTART = _option("restart", RiskClass.LOW, takes_away=True, unless="a restart cures nothing here")
WAKE = _option("wake", RiskClass.LOW, unless="it may freeze again")
MOVE = _option("move-work", RiskClass.MEDIUM, unless="moving costs the others")


def _expects(**probabilities: float) -> tuple[Expectation, ...]:
    return tuple(Expectation(sign=SignName(name.replace("_", "-")), probability=p) for name, p in probabilities.items())


def _mode(
    name: str,
    about: Kind,
    expects: tuple[Expectation, ...],
    *options: OptionTemplate,
    summary: str,
    path: tuple[PathStep, ...] = (),
    scope: Scope = Scope.COMPONENT,
    blames: str | None = None,
    at_least: int = 2,
    dont: tuple[str, ...] = (),
    tells_apart: Mapping[str, str] | None = None,
    prior: float = 1.0,
) -> FailureMode:
    return FailureMode(
        name=ModeName(name),
        title=name.replace("-", " "),
        about=about,
        summary=summary,
        mechanism="As toys do.",
        expects=expects,
        path=path,
        options=options,
        dont=dont,
        tells_apart={ModeName(k): v for k, v in (tells_apart or {}).items()},
        scope=scope,
        blames=None if blames is None else SignName(blames),
        at_least=at_least,
        prior=prior,
    )


MODES = (
    _mode(
        "crashed",
        NODE,
        _expects(door_refused=0.95, door_silent=0.02, beat_lost=0.9, gossip_lost=0.9),
        RESTART,
        LOOK,
        NOTHING,
        summary="The process of {it} is gone.",
        path=(
            PathStep(says="the process of {it} ended"),
            PathStep(says="{it} refuses callers", sign=SignName("door-refused")),
            PathStep(says="the arbiter misses the beats of {it}", sign=SignName("beat-lost")),
            PathStep(says="{it} came back and fell again", sign=SignName("restarted")),
        ),
        dont=("stop another node while {it} is away",),
        tells_apart={"frozen": "a frozen {it} keeps its door open and says nothing"},
    ),
    _mode(
        "frozen",
        NODE,
        _expects(door_refused=0.02, door_silent=0.95, beat_lost=0.9, gossip_lost=0.9),
        WAKE,
        RESTART,
        LOOK,
        NOTHING,
        summary="{it} is frozen",
    ),
    _mode(
        "slow-disk",
        NODE,
        _expects(slow_writes=0.95, door_refused=0.01, beat_lost=0.03),
        MOVE,
        LOOK,
        NOTHING,
        summary="the disk of {it} is slow",
    ),
    _mode(
        "many-crashed",
        NODE,
        _expects(door_refused=0.95, beat_lost=0.9),
        RESTART,
        NOTHING,
        summary="{it} are gone together",
        scope=Scope.GROUP,
        blames="door-refused",
        prior=0.3,
    ),
    _mode(
        "arbiter-down",
        ARBITER,
        _expects(arbiter_unreached=0.97, arbiter_forsaken=0.95),
        RESTART,
        LOOK,
        NOTHING,
        summary="{it} is down",
    ),
    _mode(
        "cut-off",
        CLUSTER_KIND,
        _expects(arbiter_unreached=0.97, arbiter_forsaken=0.01),
        LOOK,
        NOTHING,
        summary="we are cut off from the arbiter",
        scope=Scope.CLUSTER,
    ),
)


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return Knowledge(
        version="toy-1",
        kinds=(ComponentKind(kind=NODE, title="node"), ComponentKind(kind=ARBITER, title="arbiter")),
        signals=SIGNALS,
        invariants=(),
        signs=SIGNS,
        modes=MODES,
        unknown=(LOOK, NOTHING),
    )


Said = Mapping[str, Value | Cause | None]
"""``signal@kind/id`` or ``signal@kind/id>kind/id`` to what was read there, or why it was not; None: not asked."""


def _healthy(nodes: int) -> dict[str, Value | Cause | None]:
    said: dict[str, Value | Cause | None] = {"arbiter_door@arbiter/a": "answered", "free@cluster/cluster": 5.0e9}
    for n in range(1, nodes + 1):
        said |= {
            f"door@node/{n}": "answered",
            f"beat_age@node/{n}": 4.0,
            f"write_p99@node/{n}": 0.01 * n,
            f"restarts@node/{n}": 3.0,
            f"hum@node/{n}": 1.0,
            f"arbiter_heard@node/{n}": "heard",
        }
        said |= {f"gossip@node/{n}>node/{m}": "heard" for m in range(1, nodes + 1) if m != n}
    return said


def _place(key: str) -> tuple[SignalName, ComponentRef, ComponentRef | None]:
    signal, _, where = key.partition("@")
    component, _, toward = where.partition(">")
    return SignalName(signal), ComponentRef.parse(component), ComponentRef.parse(toward) if toward else None


def make_look(number: int, said: Said | None = None, *, nodes: int = 3) -> Observation:
    at = T0 + number * STEP
    refs = [ComponentRef(NODE, str(n)) for n in range(1, nodes + 1)]
    readings: list[Reading] = []
    unseens: list[Unseen] = []
    for n, (key, value) in enumerate({**_healthy(nodes), **(said or {})}.items(), 1):
        signal, component, toward = _place(key)
        source = f"{signal} of {component}"
        if isinstance(value, Cause):
            unseens.append(
                Unseen(
                    component=component,
                    signal=signal,
                    cause=value,
                    detail="",
                    at=at,
                    source=source,
                    toward=toward,
                )
            )
        elif value is not None:
            readings.append(
                Reading(
                    id=ReadingId(f"o{number}.{n}"),
                    component=component,
                    signal=signal,
                    value=value,
                    unit=Unit(UNITS.get(signal, "state")),
                    at=at,
                    source=source,
                    toward=toward,
                )
            )
    return Observation(
        cluster=ClusterName("toys"),
        number=number,
        at=at,
        components=tuple(Component(ref=ref) for ref in (*refs, ComponentRef(ARBITER, "a"), CLUSTER)),
        groups=(RedundancyGroup(name="the quorum of nodes", members=tuple(refs), needed=nodes // 2 + 1),),
        readings=tuple(readings),
        unseens=tuple(unseens),
        sources=(SourceLook(source="arbiter", component=ComponentRef(ARBITER, "a"), required=True),),
    )


def make_ticket(component: str) -> Ticket:
    ref = ComponentRef.parse(component)
    violation = Violation(
        key=JudgementKey(invariant=InvariantName("is-well"), component=ref),
        since=T0,
        opened_at=T0,
        because=f"{ref} is not well",
        severity=Severity.CRITICAL,
        concern=Concern.SUBJECT,
        readings=(),
    )
    return Ticket(
        id=TicketId(7),
        cluster=ClusterName("toys"),
        state=TicketState.OPEN,
        title=violation.because,
        component=ref,
        severity=Severity.CRITICAL,
        concern=Concern.SUBJECT,
        opened_at=T0,
        violations=(violation,),
    )


@pytest.fixture
def look() -> Callable[..., Observation]:
    """``look(number, said, nodes=3)``: a healthy observation but for what is said."""
    return make_look


@pytest.fixture
def case(knowledge: Knowledge) -> Callable[..., Case]:
    """``case(*observations, ticket=None, trouble_since=None)``; a ticket is given by its component's key."""

    def make(
        *observations: Observation,
        ticket: str | None = None,
        trouble_since: datetime | None = None,
        knows: Knowledge = knowledge,
    ) -> Case:
        return Case(
            cluster=ClusterName("toys"),
            at=observations[-1].at if observations else T0,
            observations=observations,
            knowledge=knows,
            trouble_since=trouble_since,
            ticket=None if ticket is None else make_ticket(ticket),
        )

    return make


def gone(*nodes: int, of: int = 3) -> dict[str, Value | Cause | None]:
    said: dict[str, Value | Cause | None] = {}
    for n in nodes:
        said |= {f"door@node/{n}": "refused", f"beat_age@node/{n}": 42.0}
        said |= dict.fromkeys(
            (f"{s}@node/{n}" for s in ("write_p99", "restarts", "hum", "arbiter_heard")), Cause.REFUSED
        )
        said |= {f"gossip@node/{m}>node/{n}": "lost" for m in range(1, of + 1) if m != n}
        said |= {f"gossip@node/{n}>node/{m}": Cause.REFUSED for m in range(1, of + 1) if m != n}
    return said


@pytest.fixture
def crash() -> Callable[..., dict[str, Value | Cause | None]]:
    """``crash(*nodes, of=3)``: what is said when these nodes are gone."""
    return gone


@pytest.fixture
def crash_case(case: Callable[..., Case]) -> Case:
    """Node 2 of three crashed between the second look and the third."""
    return case(
        make_look(1),
        make_look(2),
        make_look(3, gone(2)),
        make_look(4, gone(2)),
        ticket="node/2",
        trouble_since=T0 + 3 * STEP,
    )


GOLDENS = Path(__file__).parent / "goldens"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """``golden(name, text)``: the text is what the file says; OPERATOR_REWRITE_GOLDENS=1 writes the file instead."""

    def check(name: str, text: str) -> None:
        path = GOLDENS / name
        if os.environ.get("OPERATOR_REWRITE_GOLDENS"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
