"""Who may do what: plain facts in, a verdict out."""
