"""What the TensorBoard callback stands on: event files, summaries, pictures, graphs, embeddings."""
