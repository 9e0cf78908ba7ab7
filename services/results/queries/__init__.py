"""What callers read, scoped to what each may see."""
