"""Where this process may connect to: addresses told apart, the rules of the settings, names."""
