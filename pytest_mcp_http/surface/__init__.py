"""The surface of a server: what it offers to clients, recorded in a file and compared with it in each run.

`recording` reads it from tours, `file` keeps it, `drift` says what changed, and `test_surface` is the test.
"""
