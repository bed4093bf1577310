"""Figures of a market: functions that take tables and return a matplotlib ``Figure``; nothing is shown or saved.

One module per kind of question; ``style`` holds what they share.
"""
