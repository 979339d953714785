"""Whether the cluster is coming up, so that what is not there yet is not called lost.

A cluster comes up in steps, each waiting for the one before: PD's members find each other and elect (3 to 6 s, and 8 s
more while the key of a leader from before must expire), stores wait for PD, load their regions and register one by
one, regions elect (10 to 20 s) and are heard of by PD (etcd v3.5.15 server/lease; tikv/pd v8.5.5 pkg/election;
tikv v8.5.5 raftstore.raft-election-timeout-ticks). The age of a cluster is that of the oldest process that answers:
while it is young, whatever has not been up since its start is still coming, and what has been is judged as ever. That
is the same for a cluster's first start and for its restart as a whole. One that does not come up is told when its
youth is over.
"""

from __future__ import annotations

from datetime import timedelta

from operator_core.components import CLUSTER, ComponentRef

from operator_tikv import names as n
from operator_tikv.rules.seen import Seen

COMING_UP = 120.0
"""Seconds from the start of the oldest process within which everything else should have come up."""
BOOTSTRAP = 300.0
"""Seconds that PD may be without any store, or a store registered without ever being heard: as long as PD itself waits
for the rest of its members (tikv/pd v8.5.5 server/server.go EtcdStartTimeout)."""
COMING_UP_GRACE = timedelta(seconds=COMING_UP)
LOOKED_LONG_ENOUGH = 15.0
"""Seconds of our own looking after which a change of the PD leader before our first look can mislead us no more."""


def young_for(seen: Seen) -> float | None:
    """The age of the cluster in seconds while it is coming up; None when it is older, or nothing tells it."""
    age = seen.number(n.CLUSTER_AGE, CLUSTER)
    return age if age is not None and age < COMING_UP else None


def has_just_begun(seen: Seen, within: float = LOOKED_LONG_ENOUGH) -> bool:
    """Whether our first look was so shortly ago, in seconds, that we cannot know whether the PD leader is new."""
    watched = seen.number(n.WATCHED_FOR, CLUSTER)
    return watched is not None and watched < within


def store_is_coming(seen: Seen, ref: ComponentRef) -> str | None:
    """Why a store that answers at no door may be on its way up, or None."""
    seen_by = seen.word(n.STORE_SEEN_UP, ref)
    age = young_for(seen)
    if age is not None and not _store_was_up_within(seen, ref, age):
        return f"{ref} has not been up since the cluster was started {age:.0f} s ago"
    if seen_by != "nobody":
        return None
    started = seen.number(n.STORE_START, ref)
    registered = None if started is None else seen.observation.at.timestamp() - started
    if registered is None or registered < BOOTSTRAP:
        return f"{ref} has never been up"
    return None


def _store_was_up_within(seen: Seen, ref: ComponentRef, age: float) -> bool:
    agos = (seen.number(n.STORE_HEARD_AGO, ref), seen.number(n.STORE_HEARTBEAT_AGE, ref))
    return any(ago is not None and ago < age for ago in agos)


def member_is_coming(seen: Seen, ref: ComponentRef) -> str | None:
    """Why a PD member that does not answer may be on its way up, or None."""
    heard = seen.number(n.PD_HEARD_AGO, ref)
    if heard is None and seen.number(n.CLUSTER_AGE, CLUSTER) is None:
        return f"{ref} has never been up, and the cluster may be starting"
    age = young_for(seen)
    if age is None or (heard is not None and heard < age):
        return None
    return f"{ref} has not been up since the cluster was started {age:.0f} s ago"


def leader_is_coming(seen: Seen) -> str | None:
    """Why PD need not have a leader yet, or None."""
    led = seen.number(n.PD_LED_AGO, CLUSTER)
    if seen.number(n.CLUSTER_AGE, CLUSTER) is None:
        watched = seen.number(n.WATCHED_FOR, CLUSTER)
        if led is not None or watched is None or watched >= COMING_UP:
            return None
        return f"PD has had no leader in the {watched:.0f} s that we have watched, and nothing tells its age"
    age = young_for(seen)
    if age is None or (led is not None and led < age):
        return None
    return f"PD has had no leader since the cluster was started {age:.0f} s ago"
