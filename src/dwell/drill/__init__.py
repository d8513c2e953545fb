"""An exercise: raw logs of a synthetic ministry with planted intruders, and the truth. Imports model only."""
