"""Verdicts to findings: what was expected, what came, what is missing, who said so."""
