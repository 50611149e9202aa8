"""Stores of published objects and of the summary document: local folders, S3, Google Cloud Storage, Firestore."""
