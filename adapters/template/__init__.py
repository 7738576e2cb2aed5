"""A language for texts with loops and conditions: Jinja's syntax, and a cost that has an end."""
