"""Orders, counts and pushes race for the same units; who sells one twice?"""
