"""Where a TiKV cluster can be asked, and how long each answer is waited for."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from operator_core.components import AddressMap
from operator_core.errors import ConfigurationError

from operator_tikv.formats import Url, parse_url


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files for mutual TLS; TiKV and PD check the client's certificate whenever TLS is on.

    Attributes:
        ca: whom to trust; the system's authorities when left out.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self, *alpn: str) -> ssl.SSLContext:
        """A client's TLS settings.

        Raises:
            ConfigurationError: a file is missing or unreadable; the message names it.
        """
        for path in (self.ca, self.certificate, self.key):
            if path is not None and not path.is_file():
                raise ConfigurationError(f"TLS file {str(path)!r} does not exist")
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (ssl.SSLError, OSError) as e:
            raise ConfigurationError(f"TLS files {self.ca}, {self.certificate}, {self.key}: {e}") from e
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class TikvTargets:
    """One TiKV cluster's addresses.

    Attributes:
        pd: URLs of PD members as they can be reached from here; one is enough, all are better.
        prometheus: base URL of a Prometheus server that scrapes the cluster, or None.
        addresses: from what PD and Prometheus advertise to what can be reached from here.
        prometheus_labels: labels that pick this cluster's series when one Prometheus watches several.
        direct_scrapes: with a Prometheus, at most so many stores are also scraped directly in each look, because
            what stores say of each other must be seconds old to tell a dead store from a lost packet.
            Without one, or when it does not answer, every store is scraped.
        scrape_within: for one ``/metrics`` and for one Prometheus query.
        dial_within: for one knock at a door.
        pd_within: for one question to PD; a follower without leader waits about 3 s before it says 503
            (tikv/pd v8.5.5 pkg/utils/apiutil/serverapi).
        observe_within: for everything together.
    """

    pd: tuple[str, ...]
    prometheus: str | None = None
    addresses: AddressMap = field(default_factory=AddressMap)
    tls: TlsFiles | None = None
    prometheus_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    direct_scrapes: int = 8
    scrape_within: timedelta = timedelta(seconds=2)
    dial_within: timedelta = timedelta(seconds=2)
    pd_within: timedelta = timedelta(seconds=4)
    observe_within: timedelta = timedelta(seconds=4.4)

    def pd_urls(self) -> tuple[Url, ...]:
        """The PD URLs taken apart, each once.

        Raises:
            ConfigurationError: there is none, or one is not a URL.
        """
        if not self.pd:
            raise ConfigurationError("no PD URL is given; at least one is needed, such as http://127.0.0.1:2379")
        return tuple(dict.fromkeys(parse_url(u, default_port=2379) for u in self.pd))

    def prometheus_url(self) -> Url | None:
        """The Prometheus URL taken apart, or None.

        Raises:
            ConfigurationError: it is not a URL.
        """
        return None if self.prometheus is None else parse_url(self.prometheus, default_port=9090)
