"""The rules of the house, checked by machine. tests/lint/run runs them."""
