"""The report of a review: one HTML file, from plain content."""

from lineage_triplets.qc.export.report.page import encoded_picture, render_report

__all__ = ["encoded_picture", "render_report"]
