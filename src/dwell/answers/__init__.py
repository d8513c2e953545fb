"""The seven questions: frozen claims with grounds and coverage."""
