"""What all probes share: checked arguments, components that exist, and readings with ids of their own number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError
from operator_core.ports import ProbeParameter
from operator_core.readings import Reading, Unseen

from operator_tikv.looks import Looked, Looker
from operator_tikv.memory import Memory
from operator_tikv.names import PD, STORE, pd_ref, store_ref
from operator_tikv.pd import wire
from operator_tikv.pd.client import API, Told
from operator_tikv.pd.model import Member, Store
from operator_tikv.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where probes are asked: the same clients and the same memory as the looks."""

    looker: Looker
    memory: Memory

    def report(self, number: int) -> Report:
        return Report(number=number, at=self.looker.clock.now())

    def blank(self) -> Looked:
        """A look in which nothing has been asked yet."""
        return Looked(began=self.looker.clock.now())

    async def _know(self) -> None:
        """Ask PD who is there when no look has told yet; a PD that does not answer leaves it unknown."""
        within = self.looker.targets.pd_within
        if not self.memory.stores:
            stores = await self.looker.ask_pd("/stores", wire.to_stores, within)
            if isinstance(stores, Told):
                self.memory.take_stores(stores.value)
        if not self.memory.members:
            members = await self.looker.ask_pd("/members", wire.to_members, within)
            if isinstance(members, Told):
                self.memory.take_members(members.value)

    async def store(self, text: str) -> Store:
        """The store of that number; ``store 4`` and ``store/4`` are taken too.

        Raises:
            ConfigurationError: there is none.
        """
        await self._know()
        ident = text.strip().removeprefix(STORE).lstrip(" /")
        store = self.memory.stores.get(int(ident)) if ident.isdigit() else None
        if store is None:
            known = ", ".join(str(s) for s in sorted(self.memory.stores)) or "none is known"
            raise ConfigurationError(f"there is no store {text!r}; stores: {known}")
        return store

    async def component(self, text: str) -> tuple[ComponentRef, Store | Member]:
        """A store or a PD member by its key or name.

        Raises:
            ConfigurationError: there is none, or it is of another kind.
        """
        await self._know()
        kind, slash, ident = text.strip().partition("/")
        if slash and kind not in (STORE, PD):
            raise ConfigurationError(f"{text!r} is of kind {kind!r}; kinds: {STORE}, {PD}")
        name = ident if slash and kind == PD else text.strip()
        member = self.memory.members.get(name)
        if member is not None:
            return pd_ref(member.name), member
        if slash and kind == PD:
            known = ", ".join(sorted(self.memory.members)) or "none is known"
            raise ConfigurationError(f"there is no PD member {ident!r}; members: {known}")
        store = await self.store(text)
        return store_ref(store.id), store

    @staticmethod
    def number(arguments: Mapping[str, str], name: str) -> int:
        """A whole number of 1 or more.

        Raises:
            ConfigurationError: it is not.
        """
        text = arguments[name].strip()
        if not text.isdigit() or int(text) == 0:
            raise ConfigurationError(f"{name} is {text!r}; a whole number above 0 is meant")
        return int(text)

    @staticmethod
    def pd_source(path: str) -> str:
        return f"PD GET {API}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A probe made of a function that writes a report."""

    name: str
    describes: str
    desk: Desk
    answer: Callable[[Mapping[str, str], Report], Awaitable[None]]
    parameters: tuple[ProbeParameter, ...] = ()

    async def ask(self, arguments: Mapping[str, str], *, number: int) -> tuple[Reading | Unseen, ...]:
        """Put the question; what could not be had comes back as Unseen.

        Raises:
            ConfigurationError: an argument is unknown, missing, or names nothing that exists.
        """
        known = {p.name: p for p in self.parameters}
        for name, value in arguments.items():
            parameter = known.get(name)
            if parameter is None:
                takes = ", ".join(known) or "none"
                raise ConfigurationError(f"probe {self.name} has no parameter {name!r}; it takes {takes}")
            if parameter.choices and value not in parameter.choices:
                raise ConfigurationError(f"{name} is {value!r}; one of {', '.join(parameter.choices)} is meant")
        for parameter in self.parameters:
            if parameter.required and not arguments.get(parameter.name, "").strip():
                raise ConfigurationError(f"probe {self.name} needs {parameter.name}: {parameter.describes}")
        report = self.desk.report(number)
        await self.answer(arguments, report)
        return report.everything()
