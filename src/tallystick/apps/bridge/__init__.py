"""The bridge: HTTP answers for the dashboard, from the session's journal."""
