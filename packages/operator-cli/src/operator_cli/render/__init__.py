"""How results look: lines and tables for people, documents for programs."""
