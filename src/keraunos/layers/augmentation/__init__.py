"""Image layers: one base, and families of transformations that work on whole batches."""
