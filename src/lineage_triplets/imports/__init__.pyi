from .plan import ImportPlan, PlannedFov, Question
from .recognise import plan_import
from .run import ImportStep, import_steps, run_import

__all__ = [
    "ImportPlan",
    "ImportStep",
    "PlannedFov",
    "Question",
    "import_steps",
    "plan_import",
    "run_import",
]
