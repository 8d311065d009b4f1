"""What the service needs beside the model: keys (the service itself is in the repository's `serving/`)."""
