"""One incident in a file: to take it from one ledger into another, on another machine, without secrets."""

from __future__ import annotations

from operator_ledger.bundles.contents import Bundle, HasHead, Told
from operator_ledger.bundles.exporting import export_incident
from operator_ledger.bundles.files import BundleFile, read_bundle, write_bundle
from operator_ledger.bundles.importing import Destination, import_bundle
from operator_ledger.bundles.names import imported_name, is_imported

__all__ = [
    "Bundle",
    "BundleFile",
    "Destination",
    "HasHead",
    "Told",
    "export_incident",
    "import_bundle",
    "imported_name",
    "is_imported",
    "read_bundle",
    "write_bundle",
]
