"""Hyperliquid: WebSocket channels and info answers."""
