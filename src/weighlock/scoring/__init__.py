"""One ONNX file and its signature, turned into scores: the same code in evaluation, gate, service and batch.

Needs numpy and onnxruntime alone.
"""

from weighlock.scoring.scorer import RESULT_THREADS, Scorer
from weighlock.scoring.signature import Feature, Signature, read_signature

__all__ = ["RESULT_THREADS", "Feature", "Scorer", "Signature", "read_signature"]
