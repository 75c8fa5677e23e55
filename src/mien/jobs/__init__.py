"""Many inputs: what they are, how they are run, what came of them."""

from __future__ import annotations

from mien.jobs.done import Done
from mien.jobs.inputs import IMAGE_SUFFIXES, VIDEO_SUFFIXES, find_inputs, plan_jobs
from mien.jobs.job import Job, Outcome
from mien.jobs.run import Bar, Batch, analyze_all, analyze_one, run_all
from mien.jobs.summary import RunSummary

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Bar",
    "Batch",
    "Done",
    "Job",
    "Outcome",
    "RunSummary",
    "analyze_all",
    "analyze_one",
    "find_inputs",
    "plan_jobs",
    "run_all",
]
