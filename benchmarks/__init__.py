"""`python -m benchmarks`: the same models, the same data, each contender in turn, one table."""
