"""The specification as data: requirements, revisions, message schemas; no judgement and no network."""
