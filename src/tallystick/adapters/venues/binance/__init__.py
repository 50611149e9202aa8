"""Binance USD-M futures: streams and REST answers."""
