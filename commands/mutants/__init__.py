"""make mutants: whether the documents' settings are proved by the tests that say so."""
