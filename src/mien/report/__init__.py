"""The report: one self-contained HTML file that shows what an analysis found and what it cannot."""

from mien.report.charts.registry import CHARTS, FaceView, Page, register_chart
from mien.report.marks import exchange_marks
from mien.report.page import lost, render_report, write_report

__all__ = [
    "CHARTS",
    "FaceView",
    "Page",
    "exchange_marks",
    "lost",
    "register_chart",
    "render_report",
    "write_report",
]
