"""Oracle: names, types, values, catalog, capture. Everything that speaks the database's own names and types is in here."""
