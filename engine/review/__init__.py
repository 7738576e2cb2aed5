"""The reviewer of pull requests: what a change means, told at the forge before it is merged."""
