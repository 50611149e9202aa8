"""Recorded messages: a reader per recording format, each giving (bytes, receive time, source line), and the quarantine file."""
