"""A real Weaviate, alone or as a cluster of several nodes on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.binaries import WEAVIATE_SERVER
from tests.servers.server import Server, answers, free_pair, free_ports, listens


class WeaviateServer(Server):
    """A node. Everybody may do everything; vectors come from the client."""

    def __init__(self, folder: Path, node: str = "node1", api_key: str = "") -> None:
        """With `api_key` only who names it is let in."""
        super().__init__(folder)
        self.name = f"Weaviate ({node})"
        self.node = node
        self.http_port, self.grpc_port = free_ports(2)
        # On one machine a node takes the ports of another's data and calls to be the next ones.
        self.gossip_port, self._data_port = free_pair()
        self.raft_port, self._rpc_port = free_pair()
        self._api_key = api_key
        self._cluster: tuple[WeaviateServer, ...] = (self,)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def join(self, cluster: Sequence[WeaviateServer]) -> None:
        """Make it a node of the cluster, whose first node is started before the others. Before `start`."""
        self._cluster = tuple(cluster)

    def command(self) -> Sequence[str]:
        address = ["--host", "127.0.0.1", "--port", str(self.http_port), "--scheme", "http"]
        return [str(WEAVIATE_SERVER), *address]

    def environment(self) -> Mapping[str, str]:
        return {
            "PERSISTENCE_DATA_PATH": str(self.folder / "data"),
            "AUTOSCHEMA_ENABLED": "false",
            "DEFAULT_VECTORIZER_MODULE": "none",
            "ENABLE_MODULES": "",
            "API_BASED_MODULES_DISABLED": "true",
            "DISABLE_TELEMETRY": "true",
            "GO_PROFILING_DISABLE": "true",
            "GRPC_PORT": str(self.grpc_port),
            **self._access(),
            **self._place(),
        }

    def _access(self) -> Mapping[str, str]:
        if not self._api_key:
            return {"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true"}
        return {
            "AUTHENTICATION_APIKEY_ENABLED": "true",
            "AUTHENTICATION_APIKEY_ALLOWED_KEYS": self._api_key,
            "AUTHENTICATION_APIKEY_USERS": "lorekeeper",
        }

    def _place(self) -> Mapping[str, str]:
        place = {
            "CLUSTER_HOSTNAME": self.node,
            "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
            "CLUSTER_IN_LOCALHOST": "true",
            "CLUSTER_GOSSIP_BIND_PORT": str(self.gossip_port),
            "CLUSTER_DATA_BIND_PORT": str(self._data_port),
            "RAFT_PORT": str(self.raft_port),
            "RAFT_INTERNAL_RPC_PORT": str(self._rpc_port),
            "RAFT_BOOTSTRAP_EXPECT": str(len(self._cluster)),
            "RAFT_JOIN": ",".join(f"{node.node}:{node.raft_port}" for node in self._cluster),
        }
        if self is not self._cluster[0]:
            place["CLUSTER_JOIN"] = f"127.0.0.1:{self._cluster[0].gossip_port}"
        return place

    def ready(self) -> bool:
        return answers(f"{self.url}/v1/.well-known/ready")

    def wait_joinable(self) -> None:
        """Wait until other nodes may join, which is before it is ready: that takes a complete cluster."""
        self.wait_for(lambda: listens(self.gossip_port))


def cluster_of(folder: Path, count: int) -> tuple[WeaviateServer, ...]:
    """Return the nodes of a new cluster, not yet started."""
    nodes = [
        WeaviateServer(_made(folder / f"node{number}"), f"node{number}") for number in range(1, count + 1)
    ]
    for node in nodes:
        node.join(nodes)
    return tuple(nodes)


def start_cluster(nodes: Sequence[WeaviateServer]) -> None:
    """Start every node and wait for all; a node that cannot join the first one ends at once."""
    nodes[0].launch()
    nodes[0].wait_joinable()
    for node in nodes[1:]:
        node.launch()
    for node in nodes:
        node.wait_ready()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
