"""Many inputs: what they are, how they are run, what came of them."""

from __future__ import annotations

from mien.jobs.inputs import IMAGE_SUFFIXES, VIDEO_SUFFIXES, find_inputs, plan_jobs
from mien.jobs.job import Job, Outcome
from mien.jobs.run import Bar, analyze_all, analyze_one

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Bar",
    "Job",
    "Outcome",
    "analyze_all",
    "analyze_one",
    "find_inputs",
    "plan_jobs",
]
