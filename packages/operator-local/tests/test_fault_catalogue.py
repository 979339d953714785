from collections import Counter

import pytest
from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError
from operator_core.faults import Fault, FaultName
from operator_local.faults.catalogue import FORMS, Reach, capabilities_of, form_of, values_of

_KILN, _OVEN = ComponentRef.parse("kiln/k0"), ComponentRef.parse("oven/o0")


def _fault(name: str, toward: ComponentRef | None = None, **parameters: float) -> Fault:
    return Fault(name=FaultName(name), target=_KILN, toward=toward, parameters=parameters)


def test_every_fault_can_be_done_to_every_kind_and_a_link_needs_two_ends():
    there = {_KILN, ComponentRef.parse("kiln/k1"), _OVEN}

    capabilities = capabilities_of(there)

    names = Counter((c.name, c.kind, c.toward) for c in capabilities)
    assert set(names.values()) == {1}
    for form in FORMS:
        ends = {(c.kind, c.toward) for c in capabilities if c.name == form.name}
        alone = [("kiln", None), ("oven", None)] if form.reach is not Reach.LINK else []
        links = [("kiln", "kiln"), ("kiln", "oven"), ("oven", "kiln")] if form.reach is not Reach.ITSELF else []
        assert ends == {*alone, *links}
    assert all(c.describes.endswith(".") for c in capabilities)


def test_where_nothing_is_nothing_can_be_done():
    assert capabilities_of(()) == ()


def test_a_parameter_that_is_left_out_has_its_default():
    assert values_of(_fault("restart-loop", every_s=5)) == {"every_s": 5, "for_s": 600}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (_fault("melt"), "'melt' cannot be done here; there is kill, "),
        (_fault("kill", toward=_OVEN), "kill is not done to what lies between two"),
        (_fault("crash", signal=0), "signal is 0; 1 to 31 is meant"),
        (_fault("crash", signal=float("nan")), "signal is nan"),
        (_fault("crash", number=6), "crash takes no 'number'"),
    ],
)
def test_a_fault_that_means_nothing_is_refused_by_what_is_wrong(fault: Fault, says: str):
    with pytest.raises(ConfigurationError, match=says):
        values_of(fault)


@pytest.mark.parametrize(("fault", "values"), [(_fault("crash", signal=6), {"signal": 6}), (_fault("kill"), {})])
def test_a_fault_that_means_something_is_taken(fault: Fault, values: dict[str, float]):
    assert form_of(fault).name == fault.name
    assert values_of(fault) == values
