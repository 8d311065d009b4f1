"""Weighing: brings the evidence on challenger and champion to the gate, and what it decides to files."""
