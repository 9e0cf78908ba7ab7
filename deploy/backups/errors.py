"""Why there is no backup, or no restore."""


class Refused(Exception):
    """Nothing was written, or what was written was taken back; the words are for the operator."""
