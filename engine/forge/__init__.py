"""Where a repository is reviewed: commit statuses, checks, comments, people."""
