"""What is known of a TiKV cluster's ways to fail, as data."""

from operator_core.components import CLUSTER_KIND
from operator_core.knowledge import ComponentKind, Knowledge

from operator_tikv import names as n
from operator_tikv.knowing import disks, links, pd, sight, stores
from operator_tikv.knowing.lint import lint
from operator_tikv.knowing.signs import SIGNS
from operator_tikv.knowing.terms import look, wait
from operator_tikv.names import PD, STORE
from operator_tikv.rules import INVARIANTS
from operator_tikv.signals import SIGNALS

KNOWLEDGE = Knowledge(
    version="tikv-3",
    kinds=(
        ComponentKind(
            kind=STORE,
            title="TiKV store",
            glance=(
                n.STORE_STATE,
                n.STORE_SERVICE_CONTACT,
                n.STORE_LEADERS,
                n.STORE_REQUESTS,
                n.STORE_APPEND_P99,
                n.STORE_COMMIT_P99,
                n.STORE_AVAILABLE,
            ),
            course=(n.STORE_REQUESTS, n.STORE_WRITE_P99, n.STORE_APPEND_P99, n.STORE_LEADERS),
        ),
        ComponentKind(kind=PD, title="PD member", roles=("leader",), glance=(n.PD_CONTACT, n.PD_HEALTH, n.PD_TERM)),
        ComponentKind(
            kind=CLUSTER_KIND,
            title="TiKV cluster",
            glance=(n.PD_LEADER, n.STORES_UP, n.REGIONS_COUNT, n.REGIONS_LED, n.CLUSTER_REQUESTS, n.CLUSTER_WRITE_P99),
            course=(n.CLUSTER_REQUESTS, n.CLUSTER_WRITE_P99),
        ),
    ),
    signals=SIGNALS,
    invariants=INVARIANTS,
    signs=SIGNS,
    modes=(*stores.MODES, *pd.MODES, *sight.MODES, *disks.MODES, *links.MODES),
    unknown=(
        look(
            "look-closer",
            "Read the logs of the components named, and who acted on the cluster in the last half hour.",
            gains="Finds what readings do not show.",
            costs="A person's time.",
            unless="the trouble has gone by itself",
        ),
        wait(
            gains="Nothing is made worse.",
            costs="Whatever it is goes on.",
            unless="users are hurt by it",
        ),
    ),
)

__all__ = ["KNOWLEDGE", "lint"]
