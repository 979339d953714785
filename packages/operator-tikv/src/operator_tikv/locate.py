"""Which component a foreign label set speaks of.

TiKV is scraped at its status address, PD names stores by number and by service address, and in Kubernetes the
instance is a pod's name: each is tried in turn, and a host alone is believed only when one store lives on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from operator_core.components import Address, AddressMap, ComponentRef

from operator_tikv.formats import split_address
from operator_tikv.names import pd_ref, store_ref
from operator_tikv.pd.model import Member, Store


def host_of(address: str) -> str:
    """The host of ``host:port``, or the whole when there is no port."""
    try:
        return split_address(address)[0]
    except ValueError:
        return address


def _url_address(url: str) -> str:
    return url.partition("://")[2].rstrip("/") or url


class Locator:
    """Knows the addresses of one cluster's components, as advertised and as they can be reached from here."""

    def __init__(self, stores: Sequence[Store], members: Sequence[Member], addresses: AddressMap) -> None:
        self._stores = {str(s.id): store_ref(s.id) for s in stores}
        self._members = {m.name: pd_ref(m.name) for m in members}
        self._store_at: dict[str, ComponentRef] = {}
        self._member_at: dict[str, ComponentRef] = {}
        hosts: dict[str, set[ComponentRef]] = {}
        member_hosts: dict[str, set[ComponentRef]] = {}
        for store in stores:
            ref = store_ref(store.id)
            for address in (store.status_address, store.address):
                if address:
                    for known in (address, addresses.reachable(address)):
                        self._store_at.setdefault(known, ref)
                    hosts.setdefault(host_of(address), set()).add(ref)
        for member in members:
            ref = pd_ref(member.name)
            for url in member.client_urls:
                address = _url_address(url)
                for known in (address, addresses.reachable(Address(address))):
                    self._member_at.setdefault(known, ref)
                member_hosts.setdefault(host_of(address), set()).add(ref)
        self._store_on = {h: next(iter(refs)) for h, refs in hosts.items() if len(refs) == 1}
        self._member_on = {h: next(iter(refs)) for h, refs in member_hosts.items() if len(refs) == 1}

    def store(self, text: str) -> ComponentRef | None:
        """A store by number, address, or by its host when it is alone there."""
        return self._stores.get(text) or self._store_at.get(text) or self._store_on.get(host_of(text))

    def member(self, text: str) -> ComponentRef | None:
        """A PD member by name, address, or by its host when it is alone there."""
        return self._members.get(text) or self._member_at.get(text) or self._member_on.get(host_of(text))

    def locate(self, labels: Mapping[str, str]) -> ComponentRef | None:
        """The component, or None when it is none of ours, or when it cannot be told which."""
        job = labels.get("job", "")
        places = tuple(labels.get(k, "") for k in ("instance", "address", "pod"))
        if job.endswith("pd"):
            return _first(self.member, (*places, labels.get("name", "")))
        if job.endswith("tikv"):
            return _first(self._store_at_place, places)
        numbers = (labels.get(k, "").removeprefix("store-") for k in ("store_id", "store"))
        by_number = next((self._stores[s] for s in numbers if s in self._stores), None)
        return (
            by_number
            or _first(self._store_at_place, (places[1], places[0], places[2]))
            or _first(self.member, (*places, labels.get("name", ""), labels.get("member", "")))
        )

    def _store_at_place(self, text: str) -> ComponentRef | None:
        return self._store_at.get(text) or self._store_on.get(host_of(text))


def _first(way: Callable[[str], ComponentRef | None], texts: Sequence[str]) -> ComponentRef | None:
    return next((found for text in texts if text and (found := way(text)) is not None), None)
