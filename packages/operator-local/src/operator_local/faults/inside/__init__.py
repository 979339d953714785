"""Programs that run in a container of the tools image, each on its own: stdlib of a minimal Python only."""
