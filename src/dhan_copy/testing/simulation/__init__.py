"""Seeded trading days on virtual time: faults first, then everything heals, and an oracle looks at the brokers' truth."""
