"""The benchmark: specproof and its peers on the same obligations, one process each, cut at a time limit.

Run it with `python -m bench` in a checkout; it is no part of what is installed.
"""
