"""`sark up`: PostgreSQL and Valkey from wheels, and every process of SARK, on one machine."""
