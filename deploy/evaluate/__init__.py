"""How well the methods do: each task has a module with `evaluate(data_folder) -> rows`."""
