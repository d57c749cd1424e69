"""Child processes: one way to start them, and the reading of uploaded files in one."""
