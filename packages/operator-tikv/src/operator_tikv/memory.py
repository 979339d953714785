"""What is remembered from one look to the next.

Who was there, who answered when, who led: so that a store that PD no longer tells of is still observed, and the
first failed knock of a row is known. Nothing in here is a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from operator_core.components import ComponentRef

from operator_tikv.metrics.history import History
from operator_tikv.names import pd_ref, store_ref
from operator_tikv.pd.model import Member, Members, Store


@dataclass(slots=True)
class Hearing:
    """Whether a component answers us.

    Attributes:
        heard_at: when it last did.
        lost_since: beginning of the first failed look of an unbroken row; None while it answers.
    """

    heard_at: datetime | None = None
    lost_since: datetime | None = None

    def heard(self, at: datetime) -> None:
        self.heard_at, self.lost_since = at, None

    def missed(self, began: datetime) -> None:
        if self.lost_since is None:
            self.lost_since = began

    def silent_for(self, now: datetime) -> timedelta:
        return timedelta(0) if self.lost_since is None else max(timedelta(0), now - self.lost_since)


DRAIN_REMEMBERED = timedelta(minutes=15)
FASTEST_ELECTION = timedelta(seconds=9)
"""Nobody elects other leaders sooner after a death: the election timeout is 10 s at least, the lease 9 s
(tikv v8.5.5 raftstore.raft-election-timeout-ticks, raft-store-max-leader-lease).
"""
A_FEW = 5
"""A store that never led more regions than this may have none by chance."""


@dataclass(slots=True)
class Leading:
    """How many regions a store leads by PD's word, and whether they left it before it went.

    Leaders that are gone while the store answers, or sooner after its loss than anybody can elect others, were
    moved away: the store was stopped in order, or emptied for a restart.
    """

    many_at: datetime | None = None
    is_drained: bool = False

    def leads(self, regions: int, at: datetime, heard_at: datetime | None) -> None:
        """Take PD's word on how many regions it leads; what we learn long after it answered us tells nothing."""
        if heard_at is None or at - heard_at > FASTEST_ELECTION:
            return
        if regions > A_FEW:
            self.many_at, self.is_drained = at, False
        elif regions == 0 and self.many_at is not None:
            self.is_drained = at - self.many_at <= DRAIN_REMEMBERED


@dataclass(slots=True)
class Leadership:
    """Who leads PD, as far as we saw it.

    Attributes:
        name: the last leader known.
        changed_at: when we saw another come after one that we knew, or the same after a time without; None when we
            never did.
        led_at: when PD last answered as a whole.
        lost_since: beginning of the first look in which PD as a whole gave no answer; None while it does.
    """

    name: str | None = None
    changed_at: datetime | None = None
    led_at: datetime | None = None
    lost_since: datetime | None = None

    def led_by(self, name: str, at: datetime) -> None:
        if self.name is not None and (self.name != name or self.lost_since is not None):
            self.changed_at = at
        self.name, self.led_at, self.lost_since = name, at, None

    def leaderless(self, began: datetime) -> None:
        if self.lost_since is None:
            self.lost_since = began


@dataclass(slots=True)
class Memory:
    """Everything remembered of one cluster.

    Attributes:
        watching_since: beginning of our first look.
    """

    watching_since: datetime | None = None
    stores: dict[int, Store] = field(default_factory=dict[int, Store])
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    cluster_id: int | None = None
    hearing: dict[ComponentRef, Hearing] = field(default_factory=dict[ComponentRef, Hearing])
    lost_as: dict[ComponentRef, str] = field(default_factory=dict[ComponentRef, str])
    leading: dict[ComponentRef, Leading] = field(default_factory=dict[ComponentRef, Leading])
    seen_up: set[ComponentRef] = field(default_factory=set[ComponentRef])
    histories: dict[ComponentRef, History] = field(default_factory=dict[ComponentRef, History])
    leadership: Leadership = field(default_factory=Leadership)
    max_replicas: int | None = None
    evicting: frozenset[int] = frozenset()

    def hearing_of(self, ref: ComponentRef) -> Hearing:
        return self.hearing.setdefault(ref, Hearing())

    def leading_of(self, ref: ComponentRef) -> Leading:
        return self.leading.setdefault(ref, Leading())

    def history_of(self, ref: ComponentRef) -> History:
        return self.histories.setdefault(ref, History())

    def take_stores(self, stores: Iterable[Store]) -> None:
        """Take PD's list as it is now; an empty one tells of no cluster and changes nothing."""
        listed = {s.id: s for s in stores}
        if not listed:
            return
        for gone in set(self.stores) - set(listed):
            self._forget(store_ref(gone))
        self.stores = listed

    def take_members(self, members: Members) -> None:
        """Take PD's list of its members as it is now."""
        listed = {m.name: m for m in members.members}
        for gone in set(self.members) - set(listed):
            self._forget(pd_ref(gone))
        self.members = listed
        self.cluster_id = members.cluster_id

    def _forget(self, ref: ComponentRef) -> None:
        for kept in (self.hearing, self.leading, self.lost_as, self.histories):
            kept.pop(ref, None)
        self.seen_up.discard(ref)
