"""Values: what an order, an instrument, an account and a reason are. Immutable, and free of behaviour that needs a clock or I/O."""
