"""The event store of a venue: a durable tail, sealed into Parquet segments by day, and a reader that gives every record back."""
