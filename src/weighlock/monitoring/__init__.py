"""What production's data look like: day profiles (the prediction log and its reports come with serving)."""
