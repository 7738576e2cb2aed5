"""Reviews of pull requests, from a signed delivery to what is said at the forge."""
