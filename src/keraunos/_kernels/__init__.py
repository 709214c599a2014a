"""The hot operations, each behind one function, lowered the way that is fastest on each platform.

Layers call these and never ask where they run; this is the only room that does.
"""
