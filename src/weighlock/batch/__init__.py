"""Whole files scored by the served model: `weighlock score`. Rows stream through; nothing holds them all."""
