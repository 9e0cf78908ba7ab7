"""The layers: each looks at a statement in its own way and writes what it finds into the ledger."""
