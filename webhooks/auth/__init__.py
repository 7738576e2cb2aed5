"""Who a request comes from, and whether it may do what it asks for."""
