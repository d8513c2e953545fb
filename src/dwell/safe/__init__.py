"""The only way out for evidence text: terminal, HTML, sheets, JSON."""
