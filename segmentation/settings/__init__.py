"""What each kind of scheme asks for in a definition: one file per kind, its values and how they are read; pure."""
