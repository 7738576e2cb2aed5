"""The pure part: no clock, disk, network, randomness, environment or log."""
