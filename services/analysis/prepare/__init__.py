"""Prepare, the trusted room: the only code that opens inputs and holds a request's key."""
