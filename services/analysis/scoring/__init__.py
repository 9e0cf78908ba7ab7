"""The scoring door: released models asked over the Open Inference Protocol, in a process of its own."""
