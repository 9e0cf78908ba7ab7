"""What the HTTP door takes and gives."""
