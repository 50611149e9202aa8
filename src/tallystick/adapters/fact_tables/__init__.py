"""Tables of decoded facts in a database: SQLite by default, PostgreSQL by URL. Decimals and identifiers are the venue's own text, times UTC nanoseconds."""
