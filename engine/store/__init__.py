"""PostgreSQL: functions that take a connection; the caller owns the transaction."""
