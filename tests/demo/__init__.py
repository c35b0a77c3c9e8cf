"""`make demo`: the whole way of a stock change, with a worker killed on it, told in plain words."""
