"""The lists in a picture: what is wrong, what is expected, what cannot be seen, what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from operator_core.judgements import Concern, Verdict
from rich.text import Text

from operator_cli.render.console import plain
from operator_cli.render.figures import age, short_time
from operator_cli.render.live_layout import Part, labelled
from operator_cli.render.live_view import ClusterView


def verdicts(view: ClusterView, *, width: int, in_full: bool = False) -> list[Part]:
    """What is violated and in no open ticket, and what cannot be said: how much, or each of it in full."""
    told = {v.key for t in view.tickets.values() for v in t.lasting}
    of_subject = [j for j in view.judgements if j.concern is Concern.SUBJECT]
    wrong = [j for j in of_subject if j.verdict is Verdict.VIOLATED and j.key not in told]
    unknown = [j for j in of_subject if j.verdict is Verdict.UNKNOWN]
    parts: list[Part] = []
    if wrong:
        lines = [Text.assemble(("✗ ", "red"), plain(j.because)) for j in wrong]
        parts.append(_listed("violated", lines, weight=1, width=width))
    if unknown:
        reasons = list(dict.fromkeys(j.because for j in unknown))
        if in_full:
            lines = [Text.assemble(("? ", "yellow"), plain(because)) for because in reasons]
        else:
            more = f" (+{len(reasons) - 1} more)" if len(reasons) > 1 else ""
            lines = [Text.assemble((f"{len(unknown)} ", "bold"), plain(f"{reasons[0]}{more}"))]
        parts.append(_listed("unknown", lines, weight=4, width=width))
    return parts


def said_of(name: str, said: Sequence[str], width: int) -> Part:
    """A part of some plain lines."""
    return _listed(name, [Text(plain(line)) for line in said], weight=2, width=width)


def none_of(name: str, said: str, width: int) -> Part:
    """A part that says that there is nothing of its kind."""
    return Part(name=name, wants=1, least=1, weight=6, draw=lambda _: labelled(name, [Text(said, "dim")], width))


def silences(view: ClusterView, *, now: datetime, width: int) -> list[Part]:
    """What a person has announced and is in force; no part at all when there is nothing."""
    in_force = [s for s in view.silences if s.counts_at(now)]
    lines = [
        Text.assemble(
            (f"{s.id}  ", "bold"),
            plain(f"{s.scope} until {short_time(s.ends, now=now)} ({age(s.ends - now)} left), by {s.by}"),
            (plain(f": {s.because}") if s.because else "", "dim"),
        )
        for s in in_force
    ]
    return [_listed("silences", lines, weight=2, width=width)] if lines else []


def unseens(view: ClusterView, *, now: datetime, width: int) -> list[Part]:
    """What cannot be seen, by source, with the cause; no part when everything was."""
    if view.observation is None:
        return []
    lines: list[Text] = []
    if view.failed is not None:
        lines.append(Text(plain(f"the last cycle failed: {view.failed}"), "yellow"))
    missing: dict[str, int] = {}
    for unseen in view.observation.unseens:
        missing[unseen.source] = missing.get(unseen.source, 0) + 1
    for look in view.observation.sources:
        if look.failure is None:
            continue
        since = view.unseen_since.get(look.source)
        lasting = "" if since is None else f" for {age(now - since)}"
        count = f", {missing[look.source]} readings" if look.source in missing else ""
        detail = f" ({look.detail})" if look.detail and look.detail != look.failure.value else ""
        lines.append(
            Text.assemble((plain(look.source), "bold yellow"), plain(f": {look.failure.value}{lasting}{count}{detail}"))
        )
    return [_listed("unseen", lines, weight=2, width=width)] if lines else []


def events(view: ClusterView, *, now: datetime, width: int) -> list[Part]:
    """What happened while we watched, the newest first."""
    lines = [
        Text.assemble((f"{short_time(e.at, now=now)} ", "dim"), (f"{e.tone.sign} ", e.tone.style), plain(e.text))
        for e in reversed(view.events)
    ]
    return [_listed("events", lines, weight=5, width=width, says_more=False)] if lines else []


def _listed(name: str, lines: Sequence[Text], *, weight: int, width: int, says_more: bool = True) -> Part:
    def draw(given: int) -> Sequence[Text]:
        shown = list(lines[:given])
        if says_more and given < len(lines):
            shown[-1] = Text(f"… and {len(lines) - given + 1} more", "dim")
        return labelled(name, shown, width)

    return Part(name=name, wants=len(lines), least=1, weight=weight, draw=draw, is_nice_to_have=not says_more)
