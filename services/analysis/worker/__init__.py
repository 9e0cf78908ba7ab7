"""The stock worker: a program of its own that claims runs over HTTP and runs methods in confined child processes."""
