"""
Submissions, samples, the queue and its claims, and what takes a sample out of its course, over HTTP.
"""

from fastapi import APIRouter

from app.samples.api import clocks, course, files, halts, intake

router = APIRouter()
router.include_router(course.router)
router.include_router(intake.router)
router.include_router(halts.router)
router.include_router(files.router)
router.include_router(clocks.router)
