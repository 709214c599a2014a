"""The machine room: variables, purity, symbolic tensors, graphs, layers."""
