"""`python -m benchmarks`: what the product costs, beside a bare floor measured in the same run."""
