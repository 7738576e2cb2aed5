"""`sark backup` and `sark restore`: all that an empty machine needs to go on."""
