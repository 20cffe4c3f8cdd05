"""Adapters: the feed in other people's trainers, a few lines over it each.

Each module needs its library and is imported by name; none is imported by this door.
"""
