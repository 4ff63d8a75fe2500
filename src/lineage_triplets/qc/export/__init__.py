"""The files at the end of a review, and its report."""
