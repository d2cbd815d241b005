"""Figures on real data, beside peers. ``python -m benchmarks`` runs all of them."""
