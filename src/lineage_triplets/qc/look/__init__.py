"""What people look at: lineages, pairs, strips, tau, and contact sheets."""
