"""Faults with a journal, a guard and an undo."""
