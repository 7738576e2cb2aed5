"""Forges: the clients, and small forges for all tests that need one."""
