"""What the built-in methods share."""
