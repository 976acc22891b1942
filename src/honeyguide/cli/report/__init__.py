"""The report of an evaluation as one HTML file: plots as inline SVG, no script, nothing fetched, dark and light."""

from honeyguide.cli.report.page import page

__all__ = ["page"]
