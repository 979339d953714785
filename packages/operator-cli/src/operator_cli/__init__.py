"""The ``operator`` command: it wires the rooms together, and every command parses, awaits, renders and exits."""
