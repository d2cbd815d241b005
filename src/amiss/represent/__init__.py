"""Records to arrays, with the way back to the source lines: templates, sessions, windows."""
