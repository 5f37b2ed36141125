"""The language model: the one way to it, what it costs, and what skills may have of it."""
