"""Decisions: from evidence to a frozen verdict. Functions of their arguments alone: no files, no clock, no tool."""
