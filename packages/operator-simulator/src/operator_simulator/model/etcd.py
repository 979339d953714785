"""The PD members: etcd's election among them, the leader's lease, and what each member knows of it.

Times were measured on PD v8.5.5 (three members, defaults). A killed or frozen leader: etcd elects after 3.1 to 4.5 s
(election interval 3 s), and the new etcd leader restarts every lease with its TTL and 3 s more, so the key of the lost
leader lives 8.0 to 8.5 s longer; 11.3 to 13.1 s altogether. A resignation: 0.08 to 0.11 s, an orderly stop 0.25 s. A
leader that loses both followers goes on serving what it has in memory for about 4 s, until its lease has run out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from operator_simulator.exposition import Dialect, Registry
from operator_simulator.model.logs import Log
from operator_simulator.model.network import Network
from operator_simulator.model.process import Life, Process

ELECTION_S: Final = (3.0, 4.4)
KEY_OUTLIVES_S: Final = 8.0
_LEASE_LEFT_S: Final = (3.4, 4.6)
"""What is left of a lease of 5 s that is renewed three times as often, when it can be renewed no more."""
_LOADING_S: Final = (0.03, 0.3)
_RESIGNING_S: Final = (0.05, 0.3)
_START_LIMIT_S: Final = 300.0
"""`EtcdStartTimeout`: a member that finds no quorum by then exits."""
_WATCH_BREAKS_S: Final = 9.0
"""etcd cancels watches that require a leader after three election timeouts without one."""
_REMEMBERED_S: Final = 600.0


class Member(Process):
    """One PD process with its etcd."""

    def __init__(self, name: str, member_id: int, log: Log, rng: random.Random) -> None:
        super().__init__(name, log, rng)
        self.member_id = member_id
        self.has_joined = True
        """Since it started there was a quorum once; before that its HTTP answers nothing."""
        self.joined_s = -1e9
        """When that was; whoever asked before is told that the server had not started."""
        self.sees_leader = True
        """Its watch on the leader's key is whole."""
        self.leaderless_since_s: float | None = None
        self.changes_seen = 1
        self.started_s = 0.0
        self.is_synced = True
        """It holds what the PD leader has told it of regions in this life; without that it has only what is stored."""

    def fresh_metrics(self) -> Registry:
        return Registry(Dialect.GO)

    def start(self, now: float) -> None:
        super().start(now)
        self.has_joined = self.is_synced = False
        self.sees_leader = False
        self.leaderless_since_s = now
        self.changes_seen = 0
        self.log_start(now)

    def log_start(self, now: float) -> None:
        """The first lines of a life."""
        self.log.write(now, "INFO", "versioninfo.go:89", "Welcome to Placement Driver (PD)")
        self.log.write(now, "INFO", "versioninfo.go:90", "PD", {"release-version": "v8.5.5"})


class Quorum:
    """Which member leads etcd and which leads PD. Mostly the same one; the key decides about PD."""

    def __init__(
        self, members: Sequence[Member], network: Network, rng: random.Random, *, led_by: Member | None
    ) -> None:
        self.members = tuple(members)
        self._by_name: Mapping[str, Member] = {m.name: m for m in members}
        self._network = network
        self._rng = rng
        self.etcd_leader = led_by
        self.term = 2 if led_by is not None else 1
        self.revision = 100 if led_by is not None else 1
        self.leader = led_by
        """The PD leader: holds the key and serves."""
        self.key_of = led_by
        """Whose name the key in etcd bears; followers send their callers there."""
        self._bearers: list[tuple[float, Member | None]] = [(-1e9, led_by)]
        """Since when the key has borne which name: a request is sent to whom it named when the request came."""
        self.key_free_s: float | None = None
        self.serving_since_s = -1e9
        """From when on the PD leader has loaded everything."""
        self._elect_at_s: float | None = None
        self._lease_ends_s: float | None = None
        """When the leader's lease runs out; None while it can be renewed."""
        self._former: Member | None = None
        self.led: Callable[[Member, float], None] = lambda _m, _t: None
        self.left: Callable[[Member, float], None] = lambda _m, _t: None

    def group(self, member: Member) -> list[Member]:
        """The running members that this one can talk to, itself included; empty when it does not run."""
        if not member.is_running:
            return []
        return [m for m in self.members if m.is_running and (m is member or self._network.talks(member.name, m.name))]

    def has_quorum(self, member: Member) -> bool:
        return len(self.group(member)) > len(self.members) // 2

    def is_serving(self, now: float) -> bool:
        """Whether there is a PD leader that runs and has loaded everything."""
        return self.leader is not None and self.leader.is_running and now >= self.serving_since_s

    def leads(self, member: Member, now: float) -> bool:
        """Whether this member takes itself for the PD leader: it has campaigned, and has loaded everything."""
        return self.leader is member and now >= self.serving_since_s

    def known_leader(self, member: Member, since_s: float, now: float) -> Member | None:
        """Whom this member passes a request on to that came then: the first one the key named since.

        A dead leader's name stays until its key expires, without a majority for ever. A member whose own name is on
        the key, and that leads no more, knows of none.
        """
        later = (m for t, m in self._bearers if since_s < t <= now)
        return next((m for m in (self.named(since_s), *later) if m is not None and m is not member), None)

    def named(self, at_s: float) -> Member | None:
        """Whose name the key bore then."""
        return next((m for t, m in reversed(self._bearers) if t <= at_s), None)

    def _name(self, member: Member | None, now: float) -> None:
        self.key_of = member
        self._bearers.append((now, member))
        while len(self._bearers) > 1 and self._bearers[1][0] < now - _REMEMBERED_S:
            del self._bearers[0]

    def step(self, now: float) -> None:
        self._etcd(now)
        self._joining(now)
        self._lease(now)
        self._campaign(now)

    def _etcd(self, now: float) -> None:
        leader = self.etcd_leader
        if leader is not None and not self.has_quorum(leader):
            self.etcd_leader = None
            self._former = leader
            self._elect_at_s = now + self._rng.uniform(*ELECTION_S)
        elif self._comes_back(now):
            self.etcd_leader, self._elect_at_s = self._former, None
        if self.etcd_leader is not None:
            for member in self.members:
                sees = member.is_running and self.etcd_leader in self.group(member)
                self._sight(member, sees, now)
            return
        electable = [m for m in self.members if self.has_quorum(m)]
        if not electable:
            self._elect_at_s = None
            for member in self.members:
                self._sight(member, False, now)
            return
        if self._elect_at_s is None:
            self._elect_at_s = now + self._rng.uniform(*ELECTION_S)
        if now >= self._elect_at_s:
            self._become(electable[self._rng.randrange(len(electable))], now)

    def _comes_back(self, now: float) -> bool:
        """Whether the former leader is back before anybody's election timeout has passed."""
        if self.etcd_leader is not None or self._former is None or self._elect_at_s is None:
            return False
        return now < self._elect_at_s and self.has_quorum(self._former)

    def _become(self, member: Member, now: float) -> None:
        self.etcd_leader = member
        self._elect_at_s = None
        self.term += 1
        ident = f"{member.member_id:x}"
        for each in self.group(member):
            each.log.write(now, "INFO", "raft.go:765", f"{ident} became leader at term {self.term}")
            each.log.write(
                now, "INFO", "node.go:333", f"raft.node: {each.member_id:x} elected leader {ident} at term {self.term}"
            )
            each.changes_seen += 1
            each.sees_leader, each.leaderless_since_s = True, None
        holder = self.key_of
        if holder is not None and holder is not member:
            if holder is self.leader and holder in self.group(member):
                self._drop(holder, now, "etcd leader changed, resigns pd leadership")
            else:
                self.key_free_s = now + KEY_OUTLIVES_S

    def _sight(self, member: Member, sees: bool, now: float) -> None:
        if sees:
            member.sees_leader, member.leaderless_since_s = True, None
        elif member.is_running:
            if member.leaderless_since_s is None:
                member.leaderless_since_s = now
            elif member.sees_leader and now - member.leaderless_since_s >= _WATCH_BREAKS_S:
                member.sees_leader = False
                member.log.write(
                    now,
                    "WARN",
                    "leadership.go:401",
                    "the connection maybe unhealthy, retry to watch later",
                    {"revision": self.revision, "leader-key": "/pd/leader"},
                )

    def _joining(self, now: float) -> None:
        for member in self.members:
            if member.has_joined or not member.is_running:
                continue
            if (
                self.etcd_leader is not None
                and self.etcd_leader in self.group(member)
                and now - member.started_s >= 1.5
            ):
                member.has_joined, member.joined_s = True, now
                member.changes_seen = max(1, member.changes_seen)
                member.log.write(now, "INFO", "serve.go:103", "ready to serve client requests")
            elif now - member.started_s >= _START_LIMIT_S:
                member.log.write(
                    now,
                    "FATAL",
                    "main.go:218",
                    "run server failed",
                    {"error": "[PD:etcd:ErrCancelStartEtcd]etcd start canceled"},
                )
                member.die(now)

    def _lease(self, now: float) -> None:
        """A leader that cannot renew its lease steps down by its own clock; a dead one leaves its key behind."""
        leader = self.leader
        if leader is None:
            return
        in_time = self._lease_ends_s is None or now < self._lease_ends_s
        if in_time and self.key_of is leader and self.etcd_leader in self.group(leader):
            self._lease_ends_s = None
            if self.etcd_leader is not leader:
                self._drop(leader, now, "etcd leader changed, resigns pd leadership")
            return
        if self._lease_ends_s is None:
            self._lease_ends_s = now + self._rng.uniform(*_LEASE_LEFT_S)
        match leader.life:
            case Life.STOPPED:
                self._lost(leader, now)
            case Life.FROZEN:
                if self.key_free_s is not None and now >= self.key_free_s:
                    self._lost(leader, now)
            case Life.RUNNING:
                if not leader.is_up:
                    self._lost(leader, now)
                elif self.key_of is not leader or not in_time:
                    leader.log.write(
                        now,
                        "INFO",
                        "server.go:1863",
                        "no longer a leader because lease has expired, pd leader will step down",
                    )
                    self._lost(leader, now)

    def _lost(self, leader: Member, now: float) -> None:
        self.leader = None
        self._lease_ends_s = None
        if self.etcd_leader is leader:
            self.key_free_s = now
        self.left(leader, now)

    def _drop(self, leader: Member, now: float, why: str) -> None:
        """Give the leadership up in order: the key is revoked at once."""
        leader.log.write(now, "INFO", "server.go:1871", why, {"old-pd-leader-name": leader.name})
        self.leader, self._lease_ends_s = None, None
        self._name(None, now)
        self.key_free_s = now
        self.left(leader, now)

    def _campaign(self, now: float) -> None:
        """Who leads etcd leads PD as soon as the key is free."""
        if self.leader is not None or self.etcd_leader is None:
            return
        if self.key_free_s is None and self.key_of is not None:
            self.key_free_s = now if self.key_of is self.etcd_leader else now + KEY_OUTLIVES_S
        if self.key_free_s is not None and now < self.key_free_s:
            return
        if self.etcd_leader.has_joined:
            if self.key_of is not None:
                for each in self.group(self.etcd_leader):
                    each.log.write(
                        now, "INFO", "leadership.go:451", "current leadership is deleted", {"leader-key": "/pd/leader"}
                    )
            self._lead(self.etcd_leader, now, self._rng.uniform(*_LOADING_S))

    def _lead(self, candidate: Member, now: float, loading_s: float) -> None:
        self.key_free_s = None
        self.leader = candidate
        self._name(candidate, now)
        self.serving_since_s = now + loading_s
        self.revision += 3
        name = {"campaign-leader-name": candidate.name}
        candidate.log.write(now, "INFO", "server.go:1738", "start to campaign PD leader", name)
        candidate.log.write(now, "INFO", "server.go:1766", "campaign PD leader ok", name)
        ready = {"leader-name": candidate.name}
        candidate.log.write(self.serving_since_s, "INFO", "server.go:1837", "PD leader is ready to serve", ready)
        for each in self.group(candidate):
            if each is not candidate:
                watched = {"pd-leader": f'name:"{candidate.name}" '}
                each.log.write(now, "INFO", "server.go:1700", "start to watch pd leader", watched)
        self.led(candidate, now)

    def resign(self, now: float, to: str | None = None) -> bool:
        """Hand etcd's and PD's leadership to another member; False when there is none to take it."""
        old = self.leader or self.etcd_leader
        if old is None:
            return False
        others = [m for m in self.group(old) if m is not old and m.has_joined and (to is None or m.name == to)]
        if not others:
            return False
        chosen = others[self._rng.randrange(len(others))]
        old.log.write(
            now,
            "INFO",
            "member.go:332",
            "try to resign etcd leader to next pd-server",
            {"from": old.name, "to": chosen.name},
        )
        self._become(chosen, now)
        if self.leader is old:
            self._drop(old, now, "etcd leader changed, resigns pd leadership")
        self._lead(chosen, now, self._rng.uniform(*_RESIGNING_S))
        return True

    def stopped(self, member: Member, now: float) -> None:
        """A member's process ended; its key stays until it expires, unless it was given up before."""
        if self._former is member:
            self._former = None
        if self.etcd_leader is member:
            self.etcd_leader = None
            self._elect_at_s = now + self._rng.uniform(*ELECTION_S)
