"""Trials of workflows, as authors write them."""
