"""The process dies at lines of library code while it copies a short day, and what the brokers saw is judged."""
