"""The vocabulary, ports and pure decisions of Operator."""
