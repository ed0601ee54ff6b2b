"""What exchanges publish, as dated data with its sources: freeze limits, sessions and holidays."""
