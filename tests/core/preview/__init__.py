"""Previews: workflows tried out with doubles."""
