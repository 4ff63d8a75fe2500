"""What automatic checks find, by what they look at."""
