"""The reconciler: a commit becomes active whole, or not at all.

The rules, by the names of docs/explanation/gitops.md: R1 all or nothing, R2 newest wins, R3 the
same input is not tried twice, R4 nothing is not empty, R5 the prune guard, R6 runs keep their
plan, R7 names last, R8 fast-forward only, R9 rollback, R10 suspend and freeze, R11 drift, R12
upgrades.
"""
