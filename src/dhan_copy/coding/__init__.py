"""Turns values into JSON and back as their type hints declare: for the journal's rows and its checkpoints."""
