import pytest
from operator_core.components import Address, ComponentRef, Endpoint, Kind
from operator_core.errors import ConfigurationError, DeploymentError
from operator_local.compose_file import read_services, shifted_ports

_KILN = ComponentRef(Kind("kiln"), "kiln0")


def _config(**service: object) -> dict[str, object]:
    return {"services": {"kiln0": {"image": "kiln:1", **service}}}


def _port(
    *, published: str | None = "18080", target: int = 8080, host_ip: str | None = "127.0.0.1"
) -> dict[str, object]:
    return {"target": target, "published": published, "host_ip": host_ip, "protocol": "tcp", "mode": "ingress"}


_LABELS = {"operator.component": "kiln/kiln0", "operator.advertised.heat": "kiln0:8080"}


def test_labels_say_what_a_service_stands_for_and_where_its_doors_are():
    (service,) = read_services(_config(labels=_LABELS, ports=[_port(target=1, published="1"), _port()]))

    assert service.component == _KILN
    assert service.endpoints == (
        Endpoint(
            component=_KILN,
            purpose="heat",
            advertised=Address("kiln0:8080"),
            reachable=Address("127.0.0.1:18080"),
        ),
    )


def test_a_service_without_labels_is_a_service_all_the_same():
    (service,) = read_services(_config(ports=[_port()]))

    assert (service.name, service.component, service.endpoints) == ("kiln0", None, ())


@pytest.mark.parametrize(("host_ip", "host"), [(None, "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])
def test_a_port_published_everywhere_is_reached_on_loopback(host_ip: str | None, host: str):
    (service,) = read_services(_config(labels=_LABELS, ports=[_port(host_ip=host_ip)]))

    assert service.endpoints[0].reachable == f"{host}:18080"


@pytest.mark.parametrize("ports", [[], [_port(target=8081)], [_port(published=None)], [_port(published="0")]])
def test_a_door_that_cannot_be_reached_is_an_error_that_names_it(ports: list[object]):
    with pytest.raises(DeploymentError, match=r"kiln0 .*advertises kiln0:8080 but publishes no port"):
        read_services(_config(labels=_LABELS, ports=ports))


def test_a_service_that_stands_for_nothing_has_doors_and_no_endpoints():
    (service,) = read_services(_config(labels={"operator.advertised.heat": "kiln0:8080"}, ports=[_port()]))

    assert [(d.purpose, d.advertised, d.reachable) for d in service.doors] == [
        ("heat", "kiln0:8080", "127.0.0.1:18080")
    ]
    assert service.endpoints == ()


@pytest.mark.parametrize(
    ("profiles", "chosen", "is_meant"),
    [([], (), True), ([], ("a",), True), (["a", "b"], (), False), (["a", "b"], ("b",), True), (["a"], ("b",), False)],
)
def test_a_service_of_profiles_is_meant_when_one_of_them_is_chosen(
    profiles: list[str], chosen: tuple[str, ...], is_meant: bool
):
    (service,) = read_services(_config(profiles=profiles))

    assert service.is_meant(chosen) is is_meant


def test_labels_say_which_pages_tell_how_it_is_and_whether_it_holds_data_of_others():
    (service,) = read_services(
        _config(labels={**_LABELS, "operator.export.heat": "/now /then", "operator.holds": "clay"}, ports=[_port()])
    )
    (plain,) = read_services(_config())

    assert (service.pages, service.holds_data) == ({"heat": ("/now", "/then")}, True)
    assert (plain.pages, plain.holds_data) == ({}, False)


def test_what_is_built_and_what_memory_is_kept_for_it_is_read():
    (service,) = read_services(_config(build={"context": "."}, mem_reservation="1048576"))
    (plain,) = read_services(_config())

    assert (service.is_built, service.reserved_bytes) == (True, 1048576)
    assert (plain.is_built, plain.reserved_bytes) == (False, 0)


def test_a_component_without_a_kind_is_an_error_that_quotes_it():
    with pytest.raises(DeploymentError, match=r"kiln0 .*'kiln0' is not a component"):
        read_services(_config(labels={"operator.component": "kiln0"}))


@pytest.mark.parametrize(
    ("policy", "may"), [(None, True), ("missing", True), ("always", True), ("never", False), ("build", False)]
)
def test_a_pull_policy_says_whether_an_image_may_be_fetched(policy: str | None, may: bool):
    (service,) = read_services(_config(pull_policy=policy))

    assert service.may_pull is may


@pytest.mark.parametrize("config", [{}, {"services": {}}])
def test_a_file_without_services_is_an_error(config: object):
    with pytest.raises(DeploymentError, match="no service"):
        read_services(config)


def test_what_is_no_compose_file_is_an_error_that_says_where():
    with pytest.raises(DeploymentError, match=r"services\.kiln0\.ports"):
        read_services(_config(ports=["8080:8080"]))


_TEXT = 'ports: ["127.0.0.1:${KILN_PORT:-8080}:80", "${OVEN_PORT:-9090}:90"], image: ${KILN_IMAGE:-7}'


def test_an_offset_moves_every_port_and_nothing_else():
    assert shifted_ports([_TEXT], {"OPERATOR_PORT_OFFSET": "1000"}) == {"KILN_PORT": "9080", "OVEN_PORT": "10090"}


@pytest.mark.parametrize("given", [{}, {"OPERATOR_PORT_OFFSET": ""}, {"OPERATOR_PORT_OFFSET": "0"}])
def test_without_an_offset_no_port_moves(given: dict[str, str]):
    assert shifted_ports([_TEXT], given) == {}


def test_a_port_that_was_named_outright_is_not_moved():
    assert shifted_ports([_TEXT], {"OPERATOR_PORT_OFFSET": "5", "KILN_PORT": "1"}) == {"OVEN_PORT": "9095"}


@pytest.mark.parametrize("offset", ["ten", "1.5", "60000", "-9000"])
def test_an_offset_that_makes_no_sense_is_refused_by_its_value(offset: str):
    with pytest.raises(ConfigurationError, match=f"OPERATOR_PORT_OFFSET is '?{offset}"):
        shifted_ports([_TEXT], {"OPERATOR_PORT_OFFSET": offset})
