"""The jobs of an installation in containers: its environment, its keys, its bucket, and an identity provider for development."""
