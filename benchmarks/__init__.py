"""Measurements: the shapes that engines are compared by, against limits of the same run."""
