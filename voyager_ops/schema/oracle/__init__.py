"""An Oracle schema as PostgreSQL DDL: from the dictionary's rows, never from the text of Oracle's DDL."""
