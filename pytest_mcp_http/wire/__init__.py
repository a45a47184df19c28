"""Turns bytes from the wire into values and findings.

Rules of this folder:

- sans-IO: bytes in, frozen values out. Only `http.py` and `raw.py` know sockets and HTTP libraries.
- What was on the wire is kept next to what it means, so that a failure can show the bytes that prove it.
- Leniency is a finding, never a silent repair: a reader reads on where it can and says what it forgave.
- Every reader has a size limit and names it when it trips. No input raises anything else.
- Nothing here knows MCP revisions, requirements, verdicts or pytest: others say what it means.
"""
