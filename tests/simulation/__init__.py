"""A world in one thread: real owners, sweeps, performers and relays over a model of PostgreSQL.

Time is virtual, every delay and every fault follows from a seed, and so does the whole schedule.
"""
