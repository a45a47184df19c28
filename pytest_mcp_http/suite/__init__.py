"""The checks, one module per chapter of the specification; each is an ordinary pytest function."""
