"""Diagnosers: the rules engine, and what a diagnosis looks like on the wire."""
