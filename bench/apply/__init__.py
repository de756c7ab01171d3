"""What a change costs, us and our peers on the same work in one run: `python -m bench.apply`."""
