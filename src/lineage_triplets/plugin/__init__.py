"""What people see of the engine and the review."""
