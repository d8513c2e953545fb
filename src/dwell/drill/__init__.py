"""An exercise: the raw logs of a synthetic ministry with planted intruders, and the truth. Knows nothing of the program."""

from dwell.drill.ministry import write_drill
from dwell.drill.people import DrillPlan
from dwell.drill.scenario import Scenario, scenario, scenarios
from dwell.drill.score import Score, score, score_text

__all__ = ["DrillPlan", "Scenario", "Score", "scenario", "scenarios", "score", "score_text", "write_drill"]
