"""From the beats that nodes sent, heard and missed to the links of the model's network.

A link is judged in each direction by its receiver alone: it is cut when so many beats of a sender that goes on
sending have not arrived, one after the other, and whole again when some have. A frozen or dead sender sends none, and a
frozen or dead receiver reports nothing: neither is a cut. That a link is slow is said by round trips, that it is
lossy by gaps in the numbers of the beats. Each judgement has two thresholds, so that it does not waver between them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from operator_simulator.model.network import OUTSIDE, Impaired, Network
from operator_simulator.nodes.frames import Heard, Report

CUT_AFTER_BEATS: Final = 10
"""Two seconds of them."""
_CUT_WHERE_LOSSY_AFTER_BEATS: Final = 30
_LOSSY: Final = 0.3
_WHOLE_AFTER_BEATS: Final = 3
SLOW_FROM_S: Final = 0.02
"""A round trip; below lies what machines that share two processors do to each other."""
_QUICK_BELOW_S: Final = 0.01
_SLOW_AFTER_REPORTS: Final = 5
_OTHERWISE: Final = 0.2
_WINDOW: Final = 60
_LOST_FROM: Final = 3
_LOST_SHARE_FROM: Final = 0.04
_FEWEST: Final = 30


@dataclass(slots=True)
class Direction:
    """What goes from one node to another, as the receiver reports it."""

    life: int
    got: int
    due: int
    """Beats that had been sent by the receiver's previous report: all of them have had their time."""
    due_when_heard: int
    is_cut: bool = False
    since_cut: int = 0
    share: float = 0.0
    seconds: float = 0.0
    slow_for: int = 0
    window: deque[tuple[int, int]] = field(default_factory=lambda: deque[tuple[int, int]](maxlen=_WINDOW))

    def arrived(self, heard: Heard, sent: int) -> None:
        """The receiver has reported.

        Args:
            sent: the sender's count of beats, as far as the sender has told.
        """
        fresh = heard.got - self.got
        self.got = heard.got
        if fresh > 0:
            self.due_when_heard = self.due
        if self.is_cut:
            self.since_cut += max(0, fresh)
            if self.since_cut >= _WHOLE_AFTER_BEATS:
                self.is_cut, self.share = False, 0.0
                self.window.clear()  # what the cut took is no loss of what is left
        else:
            if fresh > 0:
                self._count(heard)
            patience = CUT_AFTER_BEATS if self.share < _LOSSY else _CUT_WHERE_LOSSY_AFTER_BEATS
            if self.due - self.due_when_heard >= patience:
                self.is_cut, self.since_cut = True, 0
        self.due = max(self.due, sent)

    def _count(self, heard: Heard) -> None:
        self.window.append((heard.got, heard.top))
        got, top = self.window[0]
        sent = heard.top - top
        if sent < _FEWEST:
            return
        lost = max(0, sent - (heard.got - got))
        share = lost / sent
        if self.share and lost < _LOST_FROM - 1:
            self.share = 0.0
        elif self.share:
            self.share = share if abs(share - self.share) > _OTHERWISE * self.share else self.share
        elif lost >= _LOST_FROM and share >= _LOST_SHARE_FROM:
            self.share = share

    def took(self, rtt_s: float | None) -> None:
        """The sender has measured round trips."""
        if rtt_s is None:
            self.slow_for = 0
        elif self.seconds:
            if rtt_s < _QUICK_BELOW_S:
                self.seconds = 0.0
            elif abs(rtt_s / 2 - self.seconds) > _OTHERWISE * self.seconds:
                self.seconds = rtt_s / 2
            self.slow_for = 0
        else:
            self.slow_for = self.slow_for + 1 if rtt_s >= SLOW_FROM_S else 0
            if self.slow_for >= _SLOW_AFTER_REPORTS:
                self.seconds, self.slow_for = rtt_s / 2, 0


class Links:
    """All links between nodes, as layers of the model's network.

    Args:
        said: told in words what has changed.
    """

    def __init__(self, network: Network, said: Callable[[str], None]) -> None:
        self._network = network
        self._said = said
        self._sent: dict[str, tuple[int, int]] = {}
        self._directions: dict[tuple[str, str], Direction] = {}
        self._layers: dict[tuple[str, str], Impaired] = {}

    def forget(self, name: str) -> None:
        """A new life of this node begins: nothing is known of its links, and what was is over."""
        self._sent.pop(name, None)
        for pair in [p for p in self._directions if name in p]:
            del self._directions[pair]
        for pair in [p for p in self._layers if name in p]:
            self._put(pair, 0.0, 0.0)

    def told(self, name: str, life: int, report: Report, running: Mapping[str, int]) -> None:
        """A node has reported.

        Args:
            life: which run of it reports.
            running: the lives of all nodes that run now; of the others nothing can be said.
        """
        self._sent[name] = (life, report.sent)
        for heard in report.heard:
            if running.get(heard.peer) != heard.life:
                continue
            sent_life, sent = self._sent.get(heard.peer, (0, 0))
            if sent_life != heard.life:
                continue
            incoming = self._directions.get((heard.peer, name))
            if incoming is None:
                incoming = Direction(life=heard.life, got=heard.got, due=sent, due_when_heard=sent)
                self._directions[heard.peer, name] = incoming
            incoming.arrived(heard, sent)
            self._show((heard.peer, name), incoming)
            outgoing = self._directions.get((name, heard.peer))
            if outgoing is not None:
                outgoing.took(heard.rtt_s)
                self._show((name, heard.peer), outgoing)
        for end in running:
            self._to_outside(end, running)

    def _show(self, pair: tuple[str, str], found: Direction) -> None:
        self._put(pair, found.seconds, 1.0 if found.is_cut else found.share)

    def _to_outside(self, name: str, running: Mapping[str, int]) -> None:
        """Clients are on the data network too: who is cut off from every other node is cut off from them.

        With a single other node it cannot be said which of the two is alone.
        """
        for ends in ("in", "out"):
            others = [n for n in running if n != name]
            known = [self._directions.get((o, name) if ends == "in" else (name, o)) for o in others]
            alone = len(others) > 1 and all(d is not None and d.is_cut for d in known)
            self._put((OUTSIDE, name) if ends == "in" else (name, OUTSIDE), 0.0, 1.0 if alone else 0.0)

    def _put(self, pair: tuple[str, str], seconds: float, share: float) -> None:
        before = self._layers.get(pair)
        if (before.seconds, before.share) == (seconds, share) if before is not None else not (seconds or share):
            return
        one, other = pair
        key = f"felt {one} {other}"
        if not seconds and not share:
            del self._layers[pair]
            self._network.take(key)
            self._said(f"{one} to {other}: as usual")
            return
        layer = Impaired(one=one, other=other, seconds=seconds, share=share)
        self._layers[pair] = layer
        self._network.put(key, layer)
        how = "cut" if share >= 1 else f"{seconds * 1000:.0f} ms longer, {share:.0%} lost"
        self._said(f"{one} to {other}: {how}")
