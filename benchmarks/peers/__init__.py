"""The same shapes on other engines, each in an environment of its own, beside SARK."""
