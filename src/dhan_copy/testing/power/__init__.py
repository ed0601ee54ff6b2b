"""Power cuts: the library's own journal on a disk that forgets what was not synced."""
