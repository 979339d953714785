"""How a region comes to be, and how its peers and its range change: bootstrap, changes of peers, splits.

As in tikv v8.5.5: a new peer is a learner first and is given a snapshot, each change of peers raises `conf_ver` by one,
a batch split raises `version` by the number of new regions, the old region keeps the right-most range
(`right-derive-when-split`), and the store that led it leads the new ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from operator_simulator.model.raft import Peer, Raft, Region, Role

FIRST_TERM: Final = 6
"""`RAFT_INIT_LOG_TERM` is 5; the first leader is elected in the next one."""
_FIRST_INDEX: Final = 6.0
_EMPTY_MIB: Final = 1.0
_SNAPSHOT_MIB_PER_S: Final = 100.0
"""`server.snap-io-max-bytes-per-sec`."""


class Membership:
    """Changes of regions.

    Args:
        next_id: gives the next id of PD's one sequence for stores, regions and peers.
        share_of: the share of the clients' load that lies between two keys.
    """

    def __init__(
        self, raft: Raft, rng: random.Random, next_id: Callable[[], int], share_of: Callable[[str, str], float]
    ) -> None:
        self._raft = raft
        self._rng = rng
        self.next_id = next_id
        self._share_of = share_of

    def bootstrap(self, store: str, now: float) -> Region:
        """The first region, with one peer, which elects itself at once."""
        peer = Peer(0, store, term=FIRST_TERM, matched=_FIRST_INDEX)
        ident = self.next_id()
        peer.id = self.next_id()
        region = Region(
            id=ident, start_key="", end_key="", peers={store: peer}, conf_ver=1, version=1, weight=1.0,
            size_mib=_EMPTY_MIB, last_index=_FIRST_INDEX,
        )  # fmt: skip
        self._raft.added(region)
        self._raft.seat(region, store, now)
        self._raft.log(peer, region, now, "INFO", f"became leader at term {FIRST_TERM}", {"term": FIRST_TERM})
        return region

    def add_learner(self, region: Region, store: str, peer_id: int, now: float) -> bool:
        """A peer that has nothing yet; the leader sends it a snapshot. False when the leader cannot do it now."""
        if store in region.peers or not self._can_change(region):
            return False
        self._raft.unsettled(region)
        came = now + region.size_mib / _SNAPSHOT_MIB_PER_S + self._rng.uniform(0.3, 1.2)
        region.peers[store] = Peer(
            peer_id, store, term=region.term, heard_s=now, deadline_s=now + self._raft.timeout_s(),
            snapshot_until_s=came, is_learner=True,
        )  # fmt: skip
        self._changed(region, now, f"AddLearner peer {peer_id}")
        return True

    def promote(self, region: Region, store: str, now: float) -> bool:
        """Give a learner its vote; False while it has not applied its snapshot."""
        peer = region.peers.get(store)
        if peer is not None and not peer.is_learner:
            return True
        if peer is None or peer.snapshot_until_s is not None or not self._can_change(region):
            return False
        self._raft.unsettled(region)
        peer.is_learner = False
        self._changed(region, now, f"AddNode peer {peer.id}")
        return True

    def demote(self, region: Region, store: str, now: float) -> bool:
        """Take a follower's vote away; a leader must hand over first."""
        peer = region.peers.get(store)
        if peer is not None and peer.is_learner:
            return True
        if peer is None or region.leader == store or not self._can_change(region):
            return False
        self._raft.unsettled(region)
        peer.is_learner = True
        self._changed(region, now, f"AddLearner peer {peer.id}")
        return True

    def remove(self, region: Region, store: str, now: float) -> bool:
        """Take a learner away, with its data."""
        peer = region.peers.get(store)
        if peer is None or not peer.is_learner or not self._can_change(region):
            return False
        self._raft.unsettled(region)
        del region.peers[store]
        self._changed(region, now, f"RemoveNode peer {peer.id}")
        return True

    def split(self, region: Region, keys: Sequence[str], now: float) -> bool:
        """Cut a region at some keys within it, in their order."""
        if not self._can_change(region):
            return False
        self._raft.unsettled(region)
        lead = region.leader
        assert lead is not None
        bounds = [region.start_key, *keys]
        region.version += len(keys)
        self._raft.log(
            region.peers[lead], region, now, "INFO", "split region", {"keys": len(keys), "version": region.version}
        )
        share = region.size_mib / (len(keys) + 1)
        for start, end in zip(bounds, keys, strict=False):
            ident = self.next_id()
            peers = {
                s: Peer(self.next_id(), s, term=FIRST_TERM, matched=_FIRST_INDEX, is_learner=p.is_learner)
                for s, p in region.peers.items()
            }
            new = Region(
                id=ident, start_key=start, end_key=end, peers=peers, conf_ver=region.conf_ver, version=region.version,
                weight=self._share_of(start, end), size_mib=share, last_index=_FIRST_INDEX,
            )  # fmt: skip
            self._raft.added(new)
            self._raft.seat(new, lead, now)
            self._raft.changed(new, now)
        region.start_key, region.size_mib = keys[-1], share
        region.weight = self._share_of(region.start_key, region.end_key)
        self._raft.leadership += 1
        self._raft.changed(region, now)
        return True

    def _can_change(self, region: Region) -> bool:
        """Whether a leader is there that a majority answers."""
        lead = region.leader
        if lead is None or region.peers[lead].role is not Role.LEADER or not self._raft.runs(lead):
            return False
        answering = sum(1 for p in region.voters if p.store == lead or self._raft.answers(lead, p.store))
        return answering >= region.majority

    def _changed(self, region: Region, now: float, what: str) -> None:
        lead = region.leader
        assert lead is not None
        region.conf_ver += 1
        self._raft.log(
            region.peers[lead], region, now, "INFO", "conf change successfully",
            {"changes": what, "conf_ver": region.conf_ver},
        )  # fmt: skip
        self._raft.leadership += 1
        self._raft.changed(region, now)
