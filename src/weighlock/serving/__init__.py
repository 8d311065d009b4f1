"""The service: requests in, scores out, each answered row in the prediction log.

It goes into the image, so it needs numpy, onnxruntime, msgspec, pydantic and uvicorn, and nothing that trains.
"""
