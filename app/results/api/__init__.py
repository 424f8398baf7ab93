"""
What the laboratory records, concludes, reviews and reports, over HTTP.
"""

from fastapi import APIRouter

from app.results.api import bench, files, mending, methods, overview, reporting, worksheets

router = APIRouter()
router.include_router(methods.router)
router.include_router(files.router)
router.include_router(bench.router)
router.include_router(reporting.router)
router.include_router(mending.router)
router.include_router(worksheets.router)
router.include_router(overview.router)
