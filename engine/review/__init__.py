"""Reviews of pull requests: what a change would do, said where it is asked for.

It executes nothing and knows no secret of what it reads, so it may be done for anybody's change.
"""
