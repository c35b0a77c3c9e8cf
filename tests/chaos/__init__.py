"""The fault campaign of apply: nemesis, history, checker, wrong workers."""
