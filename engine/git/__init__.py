"""Git as plumbing: argument lists, a hardened environment, bare mirrors, never a work tree."""
