"""An embedded, seeded TiKV cluster that serves the genuine HTTP face."""
