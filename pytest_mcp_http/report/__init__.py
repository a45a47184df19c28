"""What people and machines read after a run: transcripts, the terminal summary, the JSON report.

Reporters read results, which are plain dicts that travelled on pytest reports. They must not know the run.
"""
