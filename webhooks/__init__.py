"""The HTTP edge: decides nothing, writes through the engine's doors, reads through the store."""
