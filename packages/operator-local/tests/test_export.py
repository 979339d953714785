import json
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from operator_core.errors import ConfigurationError, DeploymentError
from operator_local import LocalDeployment

Says = Callable[..., None]

_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAclay\n-----END RSA PRIVATE KEY-----"


class _Kiln(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"/heat": b'{"now": 900, "password": "clay4ever"}', "/": b"warm"}.get(self.path)
        self.send_response(503 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"no leader")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def kiln() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Kiln)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def deployment(docker_says: Says, tmp_path: Path, kiln: int) -> LocalDeployment:
    file = tmp_path / "docker-compose.yaml"
    file.write_text("services: {}")
    config = {
        "services": {
            "kiln0": {
                "image": "kiln:1",
                "environment": {"KILN_PASSWORD": "open-sesame", "HEAT": "900"},
                "labels": {
                    "operator.component": "kiln/kiln0",
                    "operator.advertised.heat": "kiln0:8080",
                    "operator.export.heat": "/heat /cold /",
                },
                "ports": [{"target": 8080, "published": str(kiln), "host_ip": "127.0.0.1"}],
            },
            "oven": {"image": "oven:1"},
        }
    }
    labels = {"com.docker.compose.project": "operator-pottery", "com.docker.compose.service": "kiln0"}
    container = {"Id": "a" * 64, "Config": {"Image": "kiln:1", "Labels": labels}, "State": {"Status": "running"}}
    docker_says("compose version", out="5.0.0")
    docker_says("config --format json", out=json.dumps(config))
    docker_says("version --format {{json .}}", out='{"Client": {"Version": "28.2.2"}}')
    docker_says("version --format", out="28.2.2")
    docker_says("container list", out="a" * 64)
    docker_says("container inspect", out=json.dumps([container]))
    docker_says("logs", out=f"firing, token=abcdefgh12345678 given\n{_KEY}\ndone\n")
    return LocalDeployment(name="pottery", compose_files=(file,))


def _read(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        files = {m.name.partition("/")[2]: tar.extractfile(m) for m in tar.getmembers() if m.isfile()}
        return {name: file.read().decode() for name, file in files.items() if file is not None}


async def test_logs_pages_and_versions_are_in_one_archive_without_their_secrets(
    deployment: LocalDeployment, tmp_path: Path
):
    told: list[str] = []

    made = await deployment.export(tmp_path / "pottery.tar.gz", told.append)

    read = _read(made.archive)
    whole = "\n".join(read.values())
    assert (
        set(read)
        == set(made.files)
        == {
            "compose.json",
            "logs/kiln0.log",
            "pages/kiln0/heat",
            "pages/kiln0/root",
            "status.json",
            "unseen.json",
            "versions.json",
        }
    )
    assert "firing" in read["logs/kiln0.log"]
    assert read["logs/kiln0.log"].endswith("done\n")
    assert '"now": 900' in read["pages/kiln0/heat"]
    assert json.loads(read["versions.json"])["docker"]["Client"]["Version"] == "28.2.2"
    assert json.loads(read["compose.json"])["services"]["kiln0"]["environment"]["HEAT"] == "900"
    assert not [s for s in ("abcdefgh12345678", "MIIEow", "clay4ever", "open-sesame") if s in whole]
    assert made.masked["private-key"] == 1
    assert made.masked["password"] == 2
    assert "kiln0: its log" in told


async def test_what_could_not_be_had_is_said_with_the_reason(deployment: LocalDeployment, tmp_path: Path):
    made = await deployment.export(tmp_path / "pottery.tar.gz", lambda _: None)

    assert made.unseen == {"pages/kiln0/cold": "GET /cold: 503 'no leader'"}
    assert json.loads(_read(made.archive)["unseen.json"]) == made.unseen


async def test_only_its_owner_may_read_it_and_nothing_is_left_beside_it(deployment: LocalDeployment, tmp_path: Path):
    folder = tmp_path / "given"
    folder.mkdir()

    made = await deployment.export(folder / "pottery.tar.gz", lambda _: None)

    assert stat.S_IMODE(made.archive.stat().st_mode) == 0o600
    assert [p.name for p in folder.iterdir()] == ["pottery.tar.gz"]
    assert made.size_bytes == made.archive.stat().st_size


async def test_a_file_that_is_there_is_not_written_over(deployment: LocalDeployment, tmp_path: Path):
    (tmp_path / "mine.tar.gz").write_text("mine")

    with pytest.raises(ConfigurationError, match="is there already"):
        await deployment.export(tmp_path / "mine.tar.gz", lambda _: None)
    with pytest.raises(ConfigurationError, match="no folder"):
        await deployment.export(tmp_path / "nowhere" / "mine.tar.gz", lambda _: None)
    assert (tmp_path / "mine.tar.gz").read_text() == "mine"


async def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_file(deployment: LocalDeployment):
    with pytest.raises(DeploymentError, match=r"/proc/pottery\.tar\.gz cannot be written"):
        await deployment.export(Path("/proc/pottery.tar.gz"), lambda _: None)
