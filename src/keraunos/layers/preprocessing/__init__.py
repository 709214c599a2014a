"""Preprocessing layers: what turns raw columns, text and sound into numbers for a model."""
