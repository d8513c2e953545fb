"""Correlations: what the hits of several rules, or many hits of one, say together."""
