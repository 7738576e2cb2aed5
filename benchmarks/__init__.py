"""Measurements: the same shapes as other engines are measured with, against limits of the same run."""
