"""The journal: what was to be sent, what was sent, and what came of it, on disk."""
