"""The steps of each schema, append-only and numbered from 1."""
