"""The pure core: facts in, entries and commands out. It reads no clock, does no I/O, draws no random number and starts no thread."""
