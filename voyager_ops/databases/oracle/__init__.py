"""Oracle, the way the package sees it: connection, dictionary, types, reading at an SCN, capture."""
