"""Sigma rules: files to rules that can be matched."""
