"""Raft of every region: who leads, who believes to lead, who campaigns, who lags behind.

Timing as raft-rs and TiKV's defaults have it (tikv v8.5.5 `raftstore` configuration): heartbeats every 2 s, an
election timeout drawn from 10 to 20 s, pre-vote on, and a leader that has had no quorum of answers for 10 s steps
down. Regions in which everybody hears everybody are settled and cost nothing until something changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from operator_simulator.model.network import Network
from operator_simulator.model.process import Process

ELECTION_MIN_S: Final = 10.0
ELECTION_MAX_S: Final = 20.0
SNAPSHOT_BEHIND: Final = 120_000.0
"""Entries after which a leader has truncated what a follower lacks (raft-log-gc-count-limit for 256 MiB regions)."""
_CATCH_UP_PER_S: Final = 8_000.0


class Role(Enum):
    """What a peer takes itself for."""

    LEADER = "Leader"
    FOLLOWER = "Follower"
    PRE_CANDIDATE = "PreCandidate"


@dataclass(slots=True)
class Peer:
    """One replica. `matched` is the last log index that the leader knows to be on it."""

    id: int
    store: str
    role: Role = Role.FOLLOWER
    term: int = 6
    follows: str | None = None
    heard_s: float = 0.0
    deadline_s: float = 0.0
    quorum_s: float = 0.0
    matched: float = 0.0
    silent_since_s: float | None = None
    """Since when the leader has had no answer from it."""
    snapshot_until_s: float | None = None
    is_learner: bool = False
    """It replicates, and has no vote."""


@dataclass(slots=True)
class Region:
    """A range of keys and its replicas; keys are upper-case hex, empty for no bound."""

    id: int
    start_key: str
    end_key: str
    peers: dict[str, Peer]
    conf_ver: int
    version: int
    weight: float
    size_mib: float
    leader: str | None = None
    last_index: float = 1000.0
    is_settled: bool = field(default=False)

    @property
    def majority(self) -> int:
        return len(self.voters) // 2 + 1

    @property
    def voters(self) -> list[Peer]:
        return [p for p in self.peers.values() if not p.is_learner]

    @property
    def term(self) -> int:
        return max(p.term for p in self.peers.values())


LeaderElected = Callable[[Region, float], None]
"""Told when a region has a new leader, so that it can say so to PD at once."""
RegionChanged = Callable[[Region, float], None]
"""Told when a region's peers or its range have changed; its leader says so to PD at once."""
MessagesSent = Callable[[str, str, str, int], None]
"""(from, to, message type, how many)."""


class Raft:
    """All regions of a cluster."""

    def __init__(
        self, regions: Sequence[Region], processes: Mapping[str, Process], network: Network, rng: random.Random
    ) -> None:
        self.regions = list(regions)
        """In the order in which they came to be; none is ever taken away."""
        self.by_id = {r.id: r for r in regions}
        self._places = {r.id: k for k, r in enumerate(regions)}
        self._processes = processes
        self._network = network
        self._rng = rng
        self._unsettled = set(range(len(regions)))
        self.leadership = 0
        """Grows whenever somebody becomes leader or stops being one."""
        self.elected: LeaderElected = lambda _r, _t: None
        self.changed: RegionChanged = lambda _r, _t: None
        self.sent: MessagesSent = lambda _a, _b, _c, _n: None
        self.takes_leaders: Callable[[str], bool] = lambda _s: True
        """Whether a store accepts leaders that are handed to it."""

    def added(self, region: Region) -> None:
        """A region has come to be."""
        place = self._places[region.id] = len(self.regions)
        self.regions.append(region)
        self.by_id[region.id] = region
        self._unsettled.add(place)

    def unsettled(self, region: Region) -> None:
        """Something changed within a region: look at it again."""
        if region.is_settled:
            region.is_settled = False
            for peer in region.peers.values():
                peer.matched = region.last_index
        self._unsettled.add(self._places[region.id])

    def seat(self, region: Region, store: str, now: float) -> None:
        """Make a peer the leader without an election; for the birth of the cluster."""
        region.leader = store
        for peer in region.peers.values():
            peer.role = Role.LEADER if peer.store == store else Role.FOLLOWER
            peer.follows = store
            peer.heard_s = peer.quorum_s = now
            peer.deadline_s = now + self.timeout_s()
        self.leadership += 1

    def timeout_s(self) -> float:
        """An election timeout, drawn anew."""
        return self._rng.uniform(ELECTION_MIN_S, ELECTION_MAX_S)

    def disturb(self, now: float) -> None:
        """Something changed in who can hear whom: look at every region again."""
        for index, region in enumerate(self.regions):
            if region.is_settled:
                region.is_settled = False
                for peer in region.peers.values():
                    peer.heard_s = peer.quorum_s = now
                    peer.deadline_s = now + self.timeout_s()
                    peer.matched = region.last_index
            self._unsettled.add(index)

    def stopped(self, store: str) -> None:
        """A process has died: what its peers believed is gone with it."""
        for region in self.regions:
            peer = region.peers.get(store)
            if peer is not None:
                peer.role, peer.follows = Role.FOLLOWER, None
                if region.leader == store:
                    region.leader = None
        self.leadership += 1

    def resumed(self, store: str, now: float) -> None:
        """A process started or went on after a freeze: its timers begin now; raft counts ticks, not seconds."""
        for region in self.regions:
            peer = region.peers.get(store)
            if peer is not None:
                peer.heard_s = peer.quorum_s = now
                peer.deadline_s = now + self.timeout_s()

    def step(self, now: float, dt: float) -> None:
        if not self._unsettled:
            return
        for index in sorted(self._unsettled):
            region = self.regions[index]
            self._step(region, now, dt)
            if self._is_settled(region):
                region.is_settled = True
                self._unsettled.discard(index)

    def _is_settled(self, region: Region) -> bool:
        if region.leader is None:
            return False
        for peer in region.peers.values():
            if not self._processes[peer.store].is_running or peer.follows != region.leader:
                return False
            if peer.matched < region.last_index or peer.silent_since_s is not None:
                return False
        return True

    def runs(self, store: str) -> bool:
        """Whether its process does its work."""
        return self._processes[store].is_running

    def _hears(self, a: str, b: str) -> bool:
        return self._processes[a].is_running and self._processes[b].is_running and self._network.carries(a, b)

    def answers(self, leader: str, follower: str) -> bool:
        """Whether what one sends arrives and is answered."""
        return self._hears(leader, follower) and self._network.carries(follower, leader)

    def _step(self, region: Region, now: float, dt: float) -> None:
        for peer in region.peers.values():
            if peer.role is Role.LEADER and self._processes[peer.store].is_running:
                self._lead(region, peer, now, dt)
        for peer in region.peers.values():
            if peer.role is Role.LEADER or peer.is_learner or now < peer.deadline_s:
                continue
            if self._processes[peer.store].is_running:
                self._campaign(region, peer, now)

    def _lead(self, region: Region, leader: Peer, now: float, dt: float) -> None:
        answering = 1
        for peer in region.peers.values():
            if peer is leader:
                continue
            back = self._hears(peer.store, leader.store)
            if back and peer.term > leader.term:
                self._follow(region, leader, now, f"received a message with higher term from {peer.id}")
                return
            if self._hears(leader.store, peer.store) and peer.term <= leader.term:
                if peer.role is Role.LEADER:
                    self._follow(region, peer, now, f"received a message with higher term from {leader.id}")
                peer.role, peer.term, peer.follows = Role.FOLLOWER, leader.term, leader.store
                peer.heard_s = now
                peer.deadline_s = max(peer.deadline_s, now + ELECTION_MIN_S + (peer.id * 7919 % 97) / 9.7)
                if back:
                    answering += not peer.is_learner
                    peer.silent_since_s = None
                    self._catch_up(region, peer, now, dt)
                    continue
            if peer.silent_since_s is None:
                peer.silent_since_s = now
        if answering >= region.majority:
            leader.quorum_s = now
        elif now - leader.quorum_s >= ELECTION_MIN_S:
            self.log(leader, region, now, "WARN", "stepped down to follower since quorum is not active", {})
            self._follow(region, leader, now, None)

    def _catch_up(self, region: Region, peer: Peer, now: float, dt: float) -> None:
        behind = region.last_index - peer.matched
        if peer.snapshot_until_s is not None:
            if now >= peer.snapshot_until_s:
                peer.snapshot_until_s = None
                peer.matched = region.last_index
        elif behind > SNAPSHOT_BEHIND:
            peer.snapshot_until_s = now + region.size_mib / 100 + self._rng.uniform(2, 25)
        elif behind > 0:
            peer.matched = min(region.last_index, peer.matched + max(_CATCH_UP_PER_S * dt, behind * 0.2))

    def _follow(self, region: Region, peer: Peer, now: float, why: str | None) -> None:
        if why is not None:
            self.log(peer, region, now, "INFO", why, {"term": peer.term})
        self.log(peer, region, now, "INFO", f"became follower at term {peer.term}", {"term": peer.term})
        peer.role, peer.follows = Role.FOLLOWER, None
        peer.heard_s, peer.deadline_s = now, now + self.timeout_s()
        if region.leader == peer.store:
            region.leader = None
        self.leadership += 1

    def _campaign(self, region: Region, candidate: Peer, now: float) -> None:
        """Pre-vote, then vote; a peer that has heard a leader within the election timeout refuses."""
        self.log(candidate, region, now, "INFO", "starting a new election", {"term": candidate.term})
        self.log(
            candidate, region, now, "INFO", f"became pre-candidate at term {candidate.term}", {"term": candidate.term}
        )
        candidate.role, candidate.follows = Role.PRE_CANDIDATE, None
        candidate.deadline_s = now + self.timeout_s()
        others = [p for p in region.voters if p is not candidate]
        for peer in others:
            self.sent(candidate.store, peer.store, "prevote", 1)
        granting = [
            p
            for p in others
            if self.answers(candidate.store, p.store)
            and p.role is not Role.LEADER
            and now - p.heard_s >= ELECTION_MIN_S - 0.75
            and p.matched <= candidate.matched
            and p.term <= candidate.term
        ]
        for peer in granting:
            self.sent(peer.store, candidate.store, "prevote_resp", 1)
        if 1 + len(granting) < region.majority:
            return
        term = max(p.term for p in (candidate, *granting)) + 1
        self.log(candidate, region, now, "INFO", f"became candidate at term {term}", {"term": term})
        for peer in others:
            self.sent(candidate.store, peer.store, "vote", 1)
        for peer in granting:
            self.sent(peer.store, candidate.store, "vote_resp", 1)
        self._crown(region, candidate, granting, term, now)

    def _crown(self, region: Region, leader: Peer, followers: Sequence[Peer], term: int, now: float) -> None:
        self.log(leader, region, now, "INFO", f"became leader at term {term}", {"term": term})
        leader.role, leader.term, leader.follows = Role.LEADER, term, leader.store
        leader.quorum_s = leader.heard_s = now
        leader.silent_since_s = None
        region.leader = leader.store
        region.last_index = max(leader.matched, 1.0)
        for peer in followers:
            peer.role, peer.term, peer.follows = Role.FOLLOWER, term, leader.store
            peer.heard_s, peer.deadline_s = now, now + self.timeout_s()
            self.log(peer, region, now, "INFO", f"became follower at term {term}", {"term": term})
        for peer in region.peers.values():
            if peer is not leader:
                peer.silent_since_s = None if peer in followers else now
        self.leadership += 1
        self.elected(region, now)

    def transfer(self, region: Region, to: str, now: float) -> bool:
        """An orderly hand-over; False when it cannot be done now."""
        source, target = region.peers.get(region.leader or ""), region.peers.get(to)
        if source is None or target is None or source is target or not self.answers(source.store, to):
            return False
        if target.is_learner:
            return False
        if not self.takes_leaders(to):
            return False
        if region.is_settled:
            for peer in region.peers.values():
                peer.matched = region.last_index
        if target.matched < region.last_index:
            return False
        self.log(
            source,
            region,
            now,
            "INFO",
            f"[term {source.term}] starts to transfer leadership to {target.id}",
            {"lead_transferee": target.id},
        )
        self.sent(source.store, to, "timeout_now", 1)
        source.role = Role.FOLLOWER
        others = [p for p in region.peers.values() if p is not target and self.answers(to, p.store)]
        self._crown(region, target, others, source.term + 1, now)
        return True

    def appended(self, region: Region, entries: float) -> None:
        """The leader has written entries and a majority has them."""
        region.last_index += entries
        if not region.is_settled and region.leader is not None:
            leader = region.peers[region.leader]
            leader.matched = region.last_index
            for peer in region.peers.values():
                if (
                    peer is not leader
                    and peer.matched >= region.last_index - entries - 1
                    and self.answers(leader.store, peer.store)
                ):
                    peer.matched = region.last_index

    def leads(self, region: Region, store: str) -> bool:
        """Whether the store's own peer takes itself for the leader."""
        peer = region.peers.get(store)
        return peer is not None and peer.role is Role.LEADER

    def log(
        self, peer: Peer, region: Region, now: float, level: str, message: str, fields: Mapping[str, object]
    ) -> None:
        """A line of raft's, in the log of the peer's store."""
        log = self._processes[peer.store].log
        source = "raft.rs:1550" if level == "INFO" else "raft.rs:1106"
        named = {**fields, "raft_id": peer.id, "region_id": region.id}
        log.write(now, level, source, message, named, thread=18 + region.id // 4 % 2)
