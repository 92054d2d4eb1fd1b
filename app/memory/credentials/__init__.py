"""What credentials look like: by a mark, by a frame, or by the name of what they are assigned to."""
