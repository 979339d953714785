"""How it looks on a terminal: nothing is wider than it is, nothing is lost, and no text moves its cursor."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from operator_cli.render import ticket as ticket_page
from operator_cli.render import timeline as timeline_page
from operator_cli.render.tickets import closing, table
from operator_cli.use_cases.happenings import Happening, What
from operator_cli.use_cases.tickets import Listed, TicketFile, Wanted
from operator_cli.use_cases.timeline import Point, SignalCourse, Timeline
from operator_core.components import ComponentRef, Kind
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.readings import ClusterName, Reading, ReadingId, SignalName, Unit
from operator_core.record import NoteAdded
from operator_core.silences import Silence, SilenceId, SilenceScope
from operator_core.tickets import Ticket, TicketId, TicketState, Violation
from rich.console import Console, RenderableType

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202eback\r\n[red]m[/] [/]"
LONG = "the cup leaks at the handle and at the bottom and nobody has seen where the water goes to " * 2


def ticket(number: int, *, title: str = LONG, cluster: str = "cups", times: int = 1, hold: bool = False) -> Ticket:
    violation = Violation(
        key=JudgementKey(invariant=InvariantName("dry"), component=ComponentRef(Kind("cup"), "1")),
        since=T0,
        opened_at=T0,
        because=title,
        severity=Severity.CRITICAL,
        concern=Concern.SUBJECT,
        readings=tuple(ReadingId(f"o1.{n}") for n in range(30)),
    )
    return Ticket(
        id=TicketId(number),
        cluster=ClusterName(cluster),
        state=TicketState.DIAGNOSED,
        title=title,
        component=violation.key.component,
        severity=Severity.CRITICAL,
        concern=Concern.SUBJECT,
        opened_at=T0,
        violations=(violation,) * times,
        hold=hold,
    )


def listed(*tickets: Ticket) -> Listed:
    silence = Silence(
        id=SilenceId(3),
        cluster=tickets[0].cluster,
        scope=SilenceScope(kind=Kind("cup")),
        starts=T0,
        ends=T0 + timedelta(hours=2),
        by="anna",
        because="new cups",
    )
    now = {t.cluster: T0 + timedelta(minutes=5) for t in tickets}
    return Listed(tickets=tickets, there_are_more=True, silences=(silence,), now=now)


def drawn(parts: Iterable[RenderableType], width: int) -> list[str]:
    """What a terminal of that width shows, without its colours; no line is wider, and none moves the cursor."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None, highlight=False, emoji=False)
    for part in parts:
        console.print(part)
    lines = file.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)
    return [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_list_of_tickets_fits_and_loses_nothing(width: int) -> None:
    tickets = (ticket(7), ticket(12, cluster="embedded:other", times=3, hold=True, title="short"))
    text = " ".join(" ".join(drawn([table(listed(*tickets), width=width)], width)).split())
    for word in ("7", "12", "critical", "diagnosed,", "held", "3×", "5 min", "embedded:other", "short"):
        assert word in text
    if width == 80:
        assert LONG.strip() in text, "under its facts, from edge to edge"


def test_what_says_the_same_of_all_is_told_once() -> None:
    of_one = listed(ticket(7), ticket(8))
    lines = drawn([table(of_one, width=120), *closing(of_one, Wanted(), is_folded=True)], 120)
    assert "cluster" not in lines[0]
    assert "times" not in lines[0]
    assert "all of cups" in lines
    assert "the newest 2; there are older ones: --limit N" in lines
    assert lines[-1].startswith("silence 3 until ")
    assert "(1 h 55 min)" in lines[-1]
    assert "every cup in cups, anna: new cups" in lines[-1]


def test_only_the_newest_are_drawn_where_there_is_no_room() -> None:
    lines = drawn([table(listed(*(ticket(n, title="short") for n in range(1, 30))), width=120, most=5)], 120)
    assert [line.split()[0] for line in lines] == ["ticket", "25", "26", "27", "28", "29"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_hostile_words_stay_where_they_are(width: int) -> None:
    made = ticket(7, title=HOSTILE, cluster=HOSTILE)
    file = TicketFile(
        ticket=made,
        readings=(),
        notes=(NoteAdded(ticket=made.id, at=T0, by=HOSTILE, text=HOSTILE),),
        diagnosis=None,
        moves=(),
        silences=(),
        origin=None,
        now=T0,
    )
    reading = Reading(
        id=ReadingId("o1.0"),
        component=made.component,
        signal=SignalName(HOSTILE),
        value=HOSTILE,
        unit=Unit("state"),
        at=T0,
        source=HOSTILE,
    )
    happening = Happening(at=T0, what=What.SIGN, says=HOSTILE, by=HOSTILE, readings=(reading.id, ReadingId("o2.1")))
    points = (Point(at=T0, value=HOSTILE, reading=reading.id),)
    course = SignalCourse(signal=reading.signal, component=made.component, unit=reading.unit, points=points)
    told = Timeline(ticket=made, happenings=(happening,), readings=(reading,), courses=(course,), now=T0)
    for parts in (
        [table(listed(made), width=width)],
        ticket_page.page(file, width=width),
        ticket_page.page(file, width=None),
        timeline_page.page(told, width=width),
        timeline_page.page(told, width=None),
    ):
        lines = drawn(parts, width)
        assert "[red]m[/] [/]" in " ".join(lines), "what looks like markup is shown as it is"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_reading_is_shown_with_where_it_came_from(width: int) -> None:
    made = ticket(1)
    readings = tuple(
        Reading(
            id=ReadingId(f"o1.{n}"),
            component=made.component,
            signal=SignalName("cup.level"),
            value=float(n),
            unit=Unit("1"),
            at=T0,
            source="GET http://cups/even" if n % 2 else "GET http://cups/odd",
        )
        for n in range(6)
    )
    file = TicketFile(
        ticket=made, readings=readings, notes=(), diagnosis=None, moves=(), silences=(), origin=None, now=T0
    )
    text = "\n".join(drawn(ticket_page.page(file, width=width), width))
    assert text.count("GET http://cups/even") == (3 if width == 120 else 1)
    if width < 120:
        assert "GET http://cups/even: o1.1, o1.3, o1.5" in text


def test_the_course_of_a_number_shows_where_nothing_was_seen_and_where_it_opened() -> None:
    def point(second: int, value: float | None) -> Point:
        at = T0 + timedelta(seconds=second - 10)
        return Point(at=at, value=value, reading=None if value is None else ReadingId(f"o{second}.1"))

    course = SignalCourse(
        signal=SignalName("cup.level"),
        component=ComponentRef(Kind("cup"), "1"),
        unit=Unit("1"),
        points=tuple(point(n, None if 12 <= n < 15 else 100.0 if n < 12 else 3.0) for n in range(20)),
    )
    told = Timeline(ticket=ticket(1), happenings=(), readings=(), courses=(course,), now=T0)
    lines = drawn(timeline_page.page(told, width=80), 80)
    (marked,) = [line for line in lines if "▼" in line]
    (bars,) = [line for line in lines if "█" in line]
    assert marked.index("▼") == bars.index("█") + 10
    assert bars[bars.index("█") :].startswith("████████████···▁▁▁▁▁")
    assert "3 to 100" in bars
    assert "[o0.1]" in bars


def test_a_reading_that_was_pruned_is_still_cited() -> None:
    happening = Happening(at=T0, what=What.SIGN, says="it leaks", readings=(ReadingId("o9.1"),))
    told = Timeline(ticket=ticket(1), happenings=(happening,), readings=(), courses=(), now=T0)
    assert "o9.1 is gone" in " ".join(drawn(timeline_page.page(told, width=120), 120))
