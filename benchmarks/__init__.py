"""How fast, and how often exactly: every figure against its peers and its floor, measured in the same run."""
