"""An embedded, seeded TiKV cluster that serves the genuine HTTP face.

What is asked for is imported when it is asked for: a command line that only prints its help loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operator_simulator.config import ClusterConfig as ClusterConfig
    from operator_simulator.embedded import EmbeddedDeployment as EmbeddedDeployment
    from operator_simulator.embedded import embedded_deployments as embedded_deployments
    from operator_simulator.in_process import InProcessNetwork as InProcessNetwork
    from operator_simulator.in_process import Unplugged as Unplugged
    from operator_simulator.in_process_deployment import InProcessDeployment as InProcessDeployment
    from operator_simulator.model.cluster import Cluster as Cluster
    from operator_simulator.sockets import LoopbackServer as LoopbackServer

_HOMES = {
    "Cluster": "model.cluster",
    "ClusterConfig": "config",
    "EmbeddedDeployment": "embedded",
    "InProcessDeployment": "in_process_deployment",
    "InProcessNetwork": "in_process",
    "LoopbackServer": "sockets",
    "Unplugged": "in_process",
    "embedded_deployments": "embedded",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
